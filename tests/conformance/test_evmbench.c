/* The benchmark programs as a conformance test: status, gas and output as evmone has them.  They
   run on a thread with a stack of 128 KiB: hundreds of thousands of instructions and 1024 nested
   calls must not use up C's stack. */
#include <pthread.h>

#include "support/vectors.h"
#include "unit/core/evm/evm_fixture.h"

#define GAS 1000000000
#define THREAD_STACK ((size_t)128 << 10)

static unsigned failures;

/* The value of a "key=value" line, in a buffer of the caller. */
static void
field(char *out, size_t room, const char *text, const char *key)
{
    const char *line = text;
    size_t key_len = strlen(key);
    while (line != NULL && (strncmp(line, key, key_len) != 0 || line[key_len] != '=')) {
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    assert_non_null(line);
    line += key_len + 1;
    size_t len = strcspn(line, "\n");
    assert_true(len < room);
    memcpy(out, line, len);
    out[len] = '\0';
}

static uint8_t *
hex_file(const char *stem, const char *suffix, size_t *len)
{
    char path[1024];
    assert_true(snprintf(path, sizeof path, "%s%s", stem, suffix) < (int)sizeof path);
    size_t text_len;
    char *text = (char *)vd_vectors_file(path, &text_len);
    text[strcspn(text, " \r\n")] = '\0';
    uint8_t *bytes = vd_unhex(text, len);
    free(text);
    return bytes;
}

struct job {
    struct fixture fx;
    enum vd_err err;
};

static void *
run_job(void *arg)
{
    struct job *job = arg;
    job->err = fixture_run(&job->fx, vd_evm_rules_l1(VD_EVM_CANCUN), NULL);
    return NULL;
}

static void
run_on_small_stack(struct job *job)
{
    pthread_attr_t attr;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, THREAD_STACK), 0);
    assert_int_equal(pthread_create(&thread, &attr, run_job, job), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
    assert_int_equal(job->err, VD_OK);
}

static void
compare(const char *stem, const struct vd_evm_result *result, const char *expected)
{
    char status[32];
    char gas_used[32];
    static char output[1 << 16];
    field(status, sizeof status, expected, "status");
    field(gas_used, sizeof gas_used, expected, "gas_used");
    field(output, sizeof output, expected, "output");
    size_t len;
    uint8_t *bytes = vd_unhex(output, &len);
    bool success = result->status == VD_EVM_SUCCESS;
    if (success != (strcmp(status, "0") == 0) ||
        GAS - result->gas_left != strtoull(gas_used, NULL, 10) ||
        !vd_slice_eq(result->output, vd_slice(bytes, len))) {
        failures++;
        printf("FAIL %s: %s, gas %llu, expected %s\n", stem, vd_evm_status_text(result->status),
               (unsigned long long)(GAS - result->gas_left), gas_used);
    }
    free(bytes);
}

static void
run_program(void *ctx, const char *path)
{
    (void)ctx;
    static struct job job;
    char stem[512];
    size_t code_len;
    size_t input_len;
    size_t expected_len;
    snprintf(stem, sizeof stem, "%.*s", (int)(strlen(path) - strlen(".expected")), path);
    uint8_t *code = hex_file(stem, ".bin", &code_len);
    uint8_t *input = hex_file(stem, ".calldata", &input_len);
    char *expected = (char *)vd_vectors_file(path, &expected_len);
    fixture_init(&job.fx, GAS);
    fixture_account(&job.fx, &job.fx.message.to, 0, vd_slice(code, code_len));
    job.fx.message.input = vd_slice(input, input_len);
    run_on_small_stack(&job);
    compare(stem, &job.fx.result, expected);
    fixture_deinit(&job.fx);
    free(code);
    free(input);
    free(expected);
}

static void
test_benchmark_programs_give_the_expected_result(void **state)
{
    (void)state;
    (void)vd_vectors_walk("evmbench", ".expected", run_program, NULL);
    assert_int_equal(failures, 0);
}

/* A contract that calls itself until the depth is reached (Yellow Paper: 1024 below the first),
   counting in transient storage. */
static void
test_calls_nest_1024_deep_without_using_the_stack(void **state)
{
    (void)state;
    static struct job job;
    /* TLOAD(0) + 1 -> TSTORE(0); CALL(GAS, ADDRESS, 0, 0, 0, 0, 0); return TLOAD(0) */
    static const uint8_t code[] = {0x5f, 0x5c, 0x60, 0x01, 0x01, 0x5f, 0x5d, 0x5f,
                                   0x5f, 0x5f, 0x5f, 0x5f, 0x30, 0x5a, 0xf1, 0x5f,
                                   0x5c, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3};
    fixture_init(&job.fx, UINT64_C(1) << 62);
    fixture_account(&job.fx, &job.fx.message.to, 0, vd_slice(code, sizeof code));
    run_on_small_stack(&job);
    assert_int_equal(job.fx.result.status, VD_EVM_SUCCESS);
    assert_int_equal(vd_load_be64(job.fx.result.output.ptr + 24), 1025);
    fixture_deinit(&job.fx);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_benchmark_programs_give_the_expected_result),
        cmocka_unit_test(test_calls_nest_1024_deep_without_using_the_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
