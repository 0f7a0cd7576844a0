/* viaduct prestate: the hash of the machine's first state for a chain: the guest's image with the
   chain's configuration in it. */
#include <stdio.h>

#include "chain_files.h"
#include "commands.h"
#include "guest_image.h"
#include "options.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 30)

/* POSIX leaves this declaration to the program. */
extern char **environ;

static bool
find_hash(struct vd_hash *hash, struct vd_file_read *r, const struct vd_options *options)
{
    struct vd_rollup_config rollup;
    struct vd_slice image;
    return vd_rollup_json_read(r, &rollup, options->rollup) &&
           vd_guest_image_open(&image, options->guest_image, r->arena, r->error, r->error_len) &&
           vd_guest_prestate(hash, image, &rollup, r->error, r->error_len);
}

int
vd_command_prestate(int argc, char **argv)
{
    struct vd_options options;
    struct vd_arena arena;
    struct vd_hash hash;
    char hex[65] = {0};
    char error[512] = "";
    void *memory = vd_reserve(ARENA_BYTES);
    if (!memory) {
        fprintf(stderr, "viaduct: out of memory\n");
        return 1;
    }
    vd_arena_init(&arena, memory, ARENA_BYTES);
    struct vd_file_read r = {.arena = &arena, .error = error, .error_len = sizeof error};
    bool parsed =
        vd_options_parse(&options, VD_COMMAND_PRESTATE, argc, argv, environ, error, sizeof error);
    bool good = parsed && find_hash(&hash, &r, &options);
    if (good) {
        vd_hex_encode(hex, hash.b, sizeof hash.b);
        printf("0x%s\n", hex);
    } else {
        fprintf(stderr, "viaduct: %s\n", error);
    }
    vd_options_deinit(&options);
    vd_release(memory, ARENA_BYTES);
    return good ? 0 : parsed ? 1 : 2;
}
