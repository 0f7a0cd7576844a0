/* JSON-RPC against ethereum/execution-apis: each .io file is a conversation over one chain.

   Answers are compared as JSON values, those of files marked `speconly` by their shape.  Files that
   cannot pass stand with their reason in rpc-excluded.txt beside this test; one that is listed
   there and does pass is a failure too. */
#include "rpc_chain.h"
#include "unit/node/rpc/rpc_node.h"

#define MAX_EXCLUDED 256

struct run {
    struct rpc_node node;
    char *excluded[MAX_EXCLUDED];
    size_t excluded_count;
    size_t passed;
    size_t failed;
    size_t left_out;
};

/* --- comparing --- */

/* The same kinds of values in the same places; of lists the first items stand for all. */
static bool
same_shape(const json_t *a, const json_t *b)
{
    if (json_is_boolean(a) && json_is_boolean(b))
        return true;
    if (json_typeof(a) != json_typeof(b))
        return json_is_number(a) && json_is_number(b);
    if (json_is_array(a))
        return json_array_size(a) == 0 || json_array_size(b) == 0 ||
               same_shape(json_array_get(a, 0), json_array_get(b, 0));
    if (!json_is_object(a))
        return true;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)a, key, value)
    {
        const json_t *other = json_object_get(b, key);
        if (other == NULL || !same_shape(value, other))
            return false;
    }
    return json_object_size(a) == json_object_size(b);
}

/* --- one file --- */

struct conversation {
    bool speconly;
    char *request;
    bool ok;
    char why[4096];
};

static void
compare(struct run *run, struct conversation *c, const char *expected_text)
{
    json_t *expected = json_loads(expected_text, 0, NULL);
    json_t *got = rpc_node_ask(&run->node, c->request);
    assert_non_null(expected);
    bool same = c->speconly ? same_shape(expected, got) : json_equal(expected, got);
    if (!same && c->ok) {
        char *text = json_dumps(got, JSON_SORT_KEYS);
        c->ok = false;
        snprintf(c->why, sizeof c->why, "  asked %.300s\n  want  %.1500s\n  got   %.1500s",
                 c->request, expected_text, text);
        free(text);
    }
    json_decref(expected);
    json_decref(got);
}

static void
converse(struct run *run, struct conversation *c, char *text)
{
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "// speconly:", 12) == 0)
            c->speconly = true;
        else if (strncmp(line, ">> ", 3) == 0)
            c->request = line + 3;
        else if (strncmp(line, "<< ", 3) == 0)
            compare(run, c, line + 3);
    }
}

static bool
is_excluded(const struct run *run, const char *path)
{
    for (size_t i = 0; i < run->excluded_count; i++) {
        const char *name = run->excluded[i];
        size_t len = strlen(name);
        /* A name that ends in a slash is a folder. */
        if (strncmp(path + strlen("rpc/"), name, len) == 0 &&
            (name[len - 1] == '/' || path[strlen("rpc/") + len] == '\0'))
            return true;
    }
    return false;
}

static void
run_file(void *ctx, const char *path)
{
    struct run *run = ctx;
    struct conversation c = {.ok = true};
    size_t len;
    bool excluded = is_excluded(run, path);
    char *text = (char *)vd_vectors_file(path, &len);
    converse(run, &c, text);
    free(text);
    if (excluded && c.ok)
        printf("FAIL %s: passes, but stands in rpc-excluded.txt\n", path);
    else if (!excluded && !c.ok)
        printf("FAIL %s\n%s\n", path, c.why);
    run->left_out += excluded && !c.ok;
    run->passed += !excluded && c.ok;
    run->failed += excluded == c.ok;
}

/* Lines `name reason`; # begins a comment. */
static void
read_excluded(struct run *run)
{
    FILE *file = fopen(VD_RPC_EXCLUDED, "r");
    char line[512];
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        size_t len = strcspn(line, " \n");
        if (line[0] == '#' || len == 0)
            continue;
        assert_true(run->excluded_count < MAX_EXCLUDED);
        line[len] = '\0';
        run->excluded[run->excluded_count++] = strdup(line);
    }
    (void)fclose(file);
}

static void
test_rpc_vectors_are_answered_as_recorded(void **state)
{
    (void)state;
    char folder[64];
    struct vd_chain_config chain;
    struct run *run = calloc(1, sizeof *run);
    rpc_temp_folder(folder);
    if (rpc_chain_import(folder)) {
        rpc_chain_config(&chain);
        read_excluded(run);
        rpc_node_open(&run->node, (struct vd_engine_config){.folder = folder, .chain = &chain},
                      (struct vd_rpc_api_config){0});
        (void)vd_vectors_walk("rpc", ".io", run_file, run);
        rpc_node_close(&run->node);
        printf("rpc: passed %zu failed %zu left out %zu\n", run->passed, run->failed,
               run->left_out);
    }
    rpc_remove_folder(folder);
    for (size_t i = 0; i < run->excluded_count; i++)
        free(run->excluded[i]);
    size_t failed = run->failed;
    free(run);
    assert_int_equal(failed, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_vectors_are_answered_as_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
