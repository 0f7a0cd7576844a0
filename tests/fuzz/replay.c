/* Runs a fuzz target as an ordinary test: every file of its corpus, then mutations of them that
   are the same in every run.

     fuzz_<name> CORPUS [MUTATIONS]     replays a folder
     fuzz_<name> FILE                   replays one file, such as a crash found by libFuzzer */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/random.h"

enum {
    VD_FILES_MAX = 256,
    VD_INPUT_MAX = 1 << 16,
    VD_MUTATIONS = 20000,
    VD_EDITS_MAX = 8,
    VD_PATH_MAX = 4096,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    uint8_t *bytes;
    size_t len;
};

struct corpus {
    struct input inputs[VD_FILES_MAX];
    size_t count;
};

/* A copy of exactly its size lets the address sanitizer see every read beyond. */
static void
run_one(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    if (copy == NULL)
        abort();
    if (len != 0)
        memcpy(copy, bytes, len);
    if (LLVMFuzzerTestOneInput(copy, len) != 0)
        abort();
    free(copy);
}

static bool
load_file(struct corpus *corpus, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || corpus->count == VD_FILES_MAX) {
        if (file != NULL)
            fclose(file);
        fprintf(stderr, "cannot take %s\n", path);
        return false;
    }
    struct input *input = &corpus->inputs[corpus->count++];
    input->bytes = malloc(VD_INPUT_MAX);
    if (input->bytes == NULL)
        abort();
    input->len = fread(input->bytes, 1, VD_INPUT_MAX, file);
    fclose(file);
    return true;
}

/* In the order of the names, so that every run mutates the same. */
static bool
load_folder(struct corpus *corpus, const char *folder)
{
    struct dirent **names;
    bool good = true;
    int count = scandir(folder, &names, NULL, alphasort);
    if (count < 0) {
        fprintf(stderr, "cannot list %s\n", folder);
        return false;
    }
    for (int i = 0; i < count; i++) {
        char path[VD_PATH_MAX];
        if (names[i]->d_name[0] != '.' &&
            snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) < VD_PATH_MAX)
            good &= load_file(corpus, path);
        free(names[i]);
    }
    free(names);
    return good;
}

/* Puts n bytes of from, or random ones, at position at. */
static size_t
insert_bytes(uint8_t *bytes, size_t len, size_t at, const uint8_t *from, size_t n,
             struct vd_random *r)
{
    if (n > VD_INPUT_MAX - len)
        n = VD_INPUT_MAX - len;
    memmove(bytes + at + n, bytes + at, len - at);
    if (from != NULL)
        memcpy(bytes + at, from, n);
    else
        vd_random_bytes(r, bytes + at, n);
    return len + n;
}

static size_t
edit(uint8_t *bytes, size_t len, const struct input *other, struct vd_random *r)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xb7, 0xb8,
                                    0xbf, 0xc0, 0xf7, 0xf8, 0xff};
    size_t at = (size_t)vd_random_below(r, len + 1);
    size_t n = (size_t)vd_random_below(r, len - at + 1);
    switch (vd_random_below(r, 7)) {
    case 0:
        if (at < len)
            bytes[at] ^= (uint8_t)(1U << vd_random_below(r, 8));
        return len;
    case 1:
        if (at < len)
            bytes[at] = (uint8_t)vd_random_u64(r);
        return len;
    case 2:
        if (at < len)
            bytes[at] = edges[vd_random_below(r, sizeof edges)];
        return len;
    case 3:
        memmove(bytes + at, bytes + at + n, len - at - n);
        return len - n;
    case 4:
        return insert_bytes(bytes, len, at, NULL, 1 + (size_t)vd_random_below(r, 8), r);
    case 5: {
        size_t from = (size_t)vd_random_below(r, other->len + 1);
        size_t count = (size_t)vd_random_below(r, other->len - from + 1);
        return insert_bytes(bytes, len, at, other->bytes + from, count, r);
    }
    default:
        return at;
    }
}

static void
run_mutations(const struct corpus *corpus, unsigned long mutations)
{
    struct vd_random r = {.state = 1};
    uint8_t *bytes = malloc(VD_INPUT_MAX);
    if (bytes == NULL)
        abort();
    for (unsigned long i = 0; i < mutations; i++) {
        const struct input *input = &corpus->inputs[vd_random_below(&r, corpus->count)];
        size_t len = input->len;
        memcpy(bytes, input->bytes, len);
        for (size_t edits = 1 + vd_random_below(&r, VD_EDITS_MAX); edits > 0; edits--)
            len = edit(bytes, len, &corpus->inputs[vd_random_below(&r, corpus->count)], &r);
        run_one(bytes, len);
    }
    free(bytes);
}

int
main(int argc, char **argv)
{
    static struct corpus corpus;
    struct stat st;
    if (argc < 2 || stat(argv[1], &st) != 0) {
        fprintf(stderr, "usage: %s CORPUS [MUTATIONS]\n", argv[0]);
        return 1;
    }
    bool folder = S_ISDIR(st.st_mode);
    if (!(folder ? load_folder(&corpus, argv[1]) : load_file(&corpus, argv[1])))
        return 1;
    if (corpus.count == 0) {
        fprintf(stderr, "%s is empty\n", argv[1]);
        return 1;
    }
    unsigned long mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : VD_MUTATIONS;
    for (size_t i = 0; i < corpus.count; i++)
        run_one(corpus.inputs[i].bytes, corpus.inputs[i].len);
    if (folder)
        run_mutations(&corpus, mutations);
    printf("%zu files, %lu mutations\n", corpus.count, folder ? mutations : 0);
    for (size_t i = 0; i < corpus.count; i++)
        free(corpus.inputs[i].bytes);
    return 0;
}
