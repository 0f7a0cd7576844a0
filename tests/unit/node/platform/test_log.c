#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "viaduct/node/platform/log.h"

enum { STAMP = 24, LINE_MAX_BYTES = 1000 };

struct reading {
    struct vd_logger logger;
    int end;
    char text[4096];
};

static void
start(struct reading *r, enum vd_log_level level)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *r = (struct reading){.logger = {.fd = ends[1], .level = level}, .end = ends[0]};
}

static size_t
finish(struct reading *r)
{
    close(r->logger.fd);
    size_t len = 0;
    ssize_t got;
    while ((got = read(r->end, r->text + len, sizeof r->text - 1 - len)) > 0)
        len += (size_t)got;
    close(r->end);
    r->text[len] = '\0';
    return len;
}

static void
test_line_has_stamp_level_who_and_text(void **unused)
{
    (void)unused;
    struct reading r;
    start(&r, VD_LOG_DEBUG);
    vd_log(&r.logger, VD_LOG_INFO, "engine", "block sealed number=%d txs=%d", 5, 2);
    vd_log(&r.logger, VD_LOG_BROKEN, "store", "x");
    finish(&r);
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; i < STAMP; i++) {
        if (form[i] == 'd')
            assert_true(r.text[i] >= '0' && r.text[i] <= '9');
        else
            assert_int_equal(r.text[i], form[i]);
    }
    static const char first[] = " info  engine: block sealed number=5 txs=2\n";
    assert_memory_equal(r.text + STAMP, first, sizeof first - 1);
    assert_string_equal(r.text + STAMP + sizeof first - 1 + STAMP, " broken store: x\n");
}

static void
test_lines_below_the_level_are_not_written(void **unused)
{
    (void)unused;
    struct reading r;
    start(&r, VD_LOG_WARN);
    vd_log(&r.logger, VD_LOG_DEBUG, "a", "no");
    vd_log(&r.logger, VD_LOG_INFO, "a", "no");
    vd_log(NULL, VD_LOG_ERROR, "a", "no");
    assert_int_equal(finish(&r), 0);
    start(&r, VD_LOG_WARN);
    vd_log(&r.logger, VD_LOG_WARN, "a", "yes");
    vd_log(&r.logger, VD_LOG_ERROR, "a", "yes");
    assert_true(finish(&r) > 0);
    assert_non_null(strstr(r.text, " warn  a: yes\n"));
    assert_non_null(strstr(r.text, " error a: yes\n"));
}

static void
test_long_line_is_cut_and_still_a_line(void **unused)
{
    (void)unused;
    struct reading r;
    char text[2001];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int len = 900; len <= 2000; len += 1) {
        start(&r, VD_LOG_DEBUG);
        vd_log(&r.logger, VD_LOG_INFO, "a", "%.*s", len, text);
        size_t got = finish(&r);
        size_t whole = STAMP + strlen(" info  a: ") + (size_t)len + 1;
        assert_int_equal(got, whole < LINE_MAX_BYTES ? whole : LINE_MAX_BYTES);
        assert_int_equal(r.text[got - 1], '\n');
        assert_ptr_equal(strchr(r.text, '\n'), r.text + got - 1);
    }
}

static void
test_levels_are_read_by_name(void **unused)
{
    (void)unused;
    static const char *const names[] = {"debug", "info", "warn", "error"};
    enum vd_log_level level = VD_LOG_BROKEN;
    for (int i = 0; i < 4; i++) {
        assert_true(vd_log_level_parse(&level, names[i]));
        assert_int_equal(level, i);
    }
    assert_false(vd_log_level_parse(&level, "broken"));
    assert_false(vd_log_level_parse(&level, "Info"));
    assert_false(vd_log_level_parse(&level, ""));
    assert_int_equal(level, VD_LOG_ERROR);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_has_stamp_level_who_and_text),
        cmocka_unit_test(test_lines_below_the_level_are_not_written),
        cmocka_unit_test(test_long_line_is_cut_and_still_a_line),
        cmocka_unit_test(test_levels_are_read_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
