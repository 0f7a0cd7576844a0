/* rollup.json, genesis.json and a founder's file: refused with a sentence or read, and what is read
   is written so that it reads the same again. */
#include "fuzz/memory_file.h"

#include <stdlib.h>

#include "node/app/chain_files.h"
#include "node/app/founding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 4 << 20 };

static struct vd_file_read
reader(struct vd_arena *arena, char error[300])
{
    error[0] = '\0';
    return (struct vd_file_read){.arena = arena, .error = error, .error_len = 300};
}

static struct memory_file
written(json_t *document)
{
    char *text = json_dumps(document, 0);
    VD_ASSERT(text != NULL);
    struct memory_file file = memory_file(text, strlen(text));
    free(text);
    json_decref(document);
    return file;
}

static void
check_rollup(struct vd_arena arena, const char *path)
{
    char error[300];
    struct vd_rollup_config config;
    struct vd_rollup_config again;
    struct vd_file_read r = reader(&arena, error);
    bool ok = vd_rollup_json_read(&r, &config, path);
    VD_ASSERT(ok == (error[0] == '\0'));
    if (!ok)
        return;
    uint8_t bytes[2][VD_CONFIG_MAX_BYTES];
    struct memory_file copy = written(vd_rollup_json_write(&config));
    VD_ASSERT(vd_rollup_json_read(&r, &again, copy.path));
    size_t len = vd_rollup_config_encode(bytes[0], &config);
    VD_ASSERT(vd_rollup_config_encode(bytes[1], &again) == len);
    VD_ASSERT(memcmp(bytes[0], bytes[1], len) == 0);
    close(copy.fd);
}

static void
check_genesis(struct vd_arena arena, const char *path)
{
    char error[300];
    struct vd_chain_config chain;
    struct vd_genesis genesis;
    struct vd_genesis again;
    struct vd_file_read r = reader(&arena, error);
    bool ok = vd_genesis_json_read(&r, &genesis, path);
    VD_ASSERT(ok == (error[0] == '\0'));
    if (!ok)
        return;
    vd_chain_config_l1(&chain, 900, 0, 0);
    json_t *first = vd_genesis_json_write(&genesis, &chain);
    struct memory_file copy = written(json_incref(first));
    VD_ASSERT(vd_genesis_json_read(&r, &again, copy.path));
    json_t *second = vd_genesis_json_write(&again, &chain);
    VD_ASSERT(json_equal(first, second));
    json_decref(first);
    json_decref(second);
    close(copy.fd);
}

static void
check_founding(struct vd_arena arena, const char *path)
{
    char error[300];
    struct vd_founding founding;
    struct vd_file_read r = reader(&arena, error);
    bool ok = vd_founding_read(&r, &founding, path);
    VD_ASSERT(ok == (error[0] == '\0'));
    if (ok && !vd_founding_check(&founding, error, sizeof error))
        VD_ASSERT(error[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vd_arena arena;
    struct memory_file file = memory_file(data, size);
    void *memory = malloc(ARENA_BYTES);
    VD_ASSERT(memory != NULL);
    vd_arena_init(&arena, memory, ARENA_BYTES);
    check_rollup(arena, file.path);
    check_genesis(arena, file.path);
    check_founding(arena, file.path);
    free(memory);
    close(file.fd);
    return 0;
}
