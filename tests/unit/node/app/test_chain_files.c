/* What a write that fails leaves behind. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/app/chain_files.h"

/* Files may not grow beyond this: as on a full disk, some bytes are written and then no more. */
static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static json_t *
document(size_t len)
{
    json_t *root = json_object();
    char *text = calloc(1, len + 1);
    assert_non_null(text);
    memset(text, 'a', len);
    json_object_set_new(root, "text", json_string(text));
    free(text);
    return root;
}

static void
test_a_failed_write_leaves_the_file_of_before_and_nothing_else(void **state)
{
    (void)state;
    char folder[] = "/tmp/viaduct-test-XXXXXX";
    char path[64];
    char temporary[80];
    char error[256] = "";
    struct stat st;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/genesis.json", folder);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    json_t *small = document(10);
    json_t *large = document(100000);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(20000);
    assert_false(vd_file_store(large, path, error, sizeof error));
    assert_non_null(strstr(error, path));
    assert_non_null(strstr(error, strerror(EFBIG)));
    assert_int_equal(stat(temporary, &st), -1);
    assert_int_equal(stat(path, &st), -1);

    assert_true(vd_file_store(small, path, error, sizeof error));
    assert_false(vd_file_store(large, path, error, sizeof error));
    limit_files(RLIM_INFINITY);
    assert_int_equal(stat(temporary, &st), -1);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size < 100);
    json_decref(small);
    json_decref(large);
    assert_int_equal(unlink(path), 0);

    /* Nor when it cannot be put in its place. */
    assert_int_equal(mkdir(path, 0700), 0);
    json_t *again = document(10);
    assert_false(vd_file_store(again, path, error, sizeof error));
    json_decref(again);
    assert_int_equal(stat(temporary, &st), -1);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failed_write_leaves_the_file_of_before_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
