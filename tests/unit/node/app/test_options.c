#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/app/options.h"

static char error[512];

static bool
parse(struct vd_options *options, enum vd_command command, char *const *environment, int argc,
      char **argv)
{
    error[0] = '\0';
    return vd_options_parse(options, command, argc, argv, environment, error, sizeof error);
}

#define PARSE(options, command, environment, ...) \
    parse((options), (command), (environment),    \
          (int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__})

static char *const no_environment[] = {NULL};

static void
test_options_come_from_the_command_line(void **state)
{
    (void)state;
    struct vd_options o;
    assert_true(PARSE(&o, VD_COMMAND_NODE, no_environment, "--l1", "http://l1", "--sequencer",
                      "--http-port=1"));
    assert_string_equal(o.l1, "http://l1");
    assert_true(o.sequencer);
    assert_false(o.batcher);
    assert_int_equal(o.http_port, 1);
    assert_int_equal(o.sequencer_l1_confs, 4);
    assert_string_equal(o.rollup, "rollup.json");
    vd_options_deinit(&o);
}

static void
test_options_obey_precedence(void **state)
{
    (void)state;
    char path[] = "options-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "# a comment\n\nl2-port = 3\n l1-port=4 \ninfo = a b\r\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    char *environment[] = {(char *)"VIADUCT_L2_PORT=2", (char *)"VIADUCT_L2_PORTS=9",
                           (char *)"VIADUCT_HTTP_HOST=h", NULL};
    struct vd_options o;
    assert_true(PARSE(&o, VD_COMMAND_DEV, environment, "--settings", path, "--http-host", "g"));
    assert_int_equal(o.l2_port, 2);
    assert_int_equal(o.l1_port, 4);
    assert_string_equal(o.info, "a b");
    assert_string_equal(o.http_host, "g");
    vd_options_deinit(&o);
    unlink(path);
}

static void
refuses(enum vd_command command, const char *fragment, int argc, char **argv)
{
    struct vd_options o;
    assert_false(parse(&o, command, no_environment, argc, argv));
    if (!strstr(error, fragment)) {
        fail_msg("'%s' does not say '%s'", error, fragment);
    }
    vd_options_deinit(&o);
}

static void
test_options_refuse_what_is_wrong_and_name_it(void **state)
{
    (void)state;
    refuses(VD_COMMAND_DEV, "unknown option '--nonsense'", 1, (char *[]){"--nonsense"});
    refuses(VD_COMMAND_DEV, "unknown option '--sequencer'", 1, (char *[]){"--sequencer"});
    refuses(VD_COMMAND_DEV, "unexpected argument 'x'", 1, (char *[]){"x"});
    refuses(VD_COMMAND_DEV, "--l2-port needs a value", 1, (char *[]){"--l2-port"});
    refuses(VD_COMMAND_DEV, "from 0 to 65535", 2, (char *[]){"--l2-port", "65536"});
    refuses(VD_COMMAND_DEV, "from 0 to 65535", 2, (char *[]){"--l2-port", "-1"});
    refuses(VD_COMMAND_DEV, "from 0 to 65535", 2, (char *[]){"--l2-port", "12x"});
    refuses(VD_COMMAND_DEV, "from 0 to 65535", 2,
            (char *[]){"--l2-port", "99999999999999999999999"});
    refuses(VD_COMMAND_NODE, "give true or false", 1, (char *[]){"--sequencer=maybe"});
    refuses(VD_COMMAND_DEV, "cannot read the settings file", 2,
            (char *[]){"--settings", "no/such/file"});
}

static void
count_line(void *ctx, const char *text)
{
    assert_true(strncmp(text, "  --", 4) == 0);
    ++*(int *)ctx;
}

static void
test_help_lists_the_options_of_the_command(void **state)
{
    (void)state;
    int dev = 0;
    int genesis = 0;
    vd_options_help(VD_COMMAND_DEV, count_line, &dev);
    vd_options_help(VD_COMMAND_GENESIS, count_line, &genesis);
    assert_in_range(genesis, 3, 10);
    assert_true(dev > 10);
}

static void
test_one_flag_may_mean_a_file_here_and_a_folder_there(void **state)
{
    (void)state;
    struct vd_options o;
    char *environment[] = {(char *)"VIADUCT_PASSWORD_FILE=p", NULL};
    assert_true(PARSE(&o, VD_COMMAND_ACCOUNT_NEW, environment, "--keystore", "a"));
    assert_string_equal(o.keystore_folder, "a");
    assert_string_equal(o.password_file, "p");
    assert_null(o.keystore);
    vd_options_deinit(&o);
    assert_true(PARSE(&o, VD_COMMAND_ACCOUNT_SIGN, environment, "--keystore", "b"));
    assert_string_equal(o.keystore_any, "b");
    vd_options_deinit(&o);
    assert_true(PARSE(&o, VD_COMMAND_BRIDGE, environment, "--keystore", "c", "--key-file=d"));
    assert_string_equal(o.keystore, "c");
    assert_string_equal(o.key_file, "d");
    vd_options_deinit(&o);
    refuses(VD_COMMAND_ACCOUNT_NEW, "unknown option '--key-file'", 1, (char *[]){"--key-file"});
    refuses(VD_COMMAND_NODE, "unknown option '--batcher-password'", 1,
            (char *[]){"--batcher-password=x"});
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_come_from_the_command_line),
        cmocka_unit_test(test_options_obey_precedence),
        cmocka_unit_test(test_options_refuse_what_is_wrong_and_name_it),
        cmocka_unit_test(test_help_lists_the_options_of_the_command),
        cmocka_unit_test(test_one_flag_may_mean_a_file_here_and_a_folder_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
