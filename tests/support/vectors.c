#include "support/vectors.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { VD_PATH_MAX = 4096 };

const char *
vd_vectors_dir(void)
{
    const char *dir = getenv("VD_VECTORS");
    struct stat st;
    if (dir == NULL || *dir == '\0')
        printf("SKIPPED: VD_VECTORS not set, the conformance vectors were not tested\n");
    else if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        printf("SKIPPED: VD_VECTORS is %s, which is no folder: vectors were not tested\n", dir);
    else
        return dir;
    return NULL;
}

static void
join(char out[VD_PATH_MAX], const char *dir, const char *path)
{
    int n = snprintf(out, VD_PATH_MAX, "%s/%s", dir, path);
    if (n < 0 || n >= VD_PATH_MAX)
        fail_msg("path too long: %s/%s", dir, path);
}

/* The whole of an open file. */
static uint8_t *
read_all(FILE *file, size_t *len)
{
    size_t cap = 1 << 16;
    uint8_t *bytes = malloc(cap);
    *len = 0;
    while (bytes != NULL) {
        size_t n = fread(bytes + *len, 1, cap - *len - 1, file);
        *len += n;
        if (n == 0)
            break;
        if (*len + 1 < cap)
            continue;
        cap *= 2;
        uint8_t *more = realloc(bytes, cap);
        if (more == NULL)
            free(bytes);
        bytes = more;
    }
    if (bytes == NULL)
        fail_msg("out of memory");
    else
        bytes[*len] = 0;
    return bytes;
}

uint8_t *
vd_vectors_file(const char *path, size_t *len)
{
    char full[VD_PATH_MAX];
    const char *dir = vd_vectors_dir();
    *len = 0;
    if (dir == NULL)
        return NULL;
    join(full, dir, path);
    FILE *file = fopen(full, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", full);
    uint8_t *bytes = read_all(file, len);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed)
        fail_msg("cannot read %s", full);
    return bytes;
}

json_t *
vd_vectors_json(const char *path)
{
    size_t len;
    uint8_t *text = vd_vectors_file(path, &len);
    if (text == NULL)
        return NULL;
    json_error_t error;
    json_t *json = json_loadb((const char *)text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    free(text);
    if (json == NULL)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    return json;
}

static bool
has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t m = strlen(suffix);
    return n >= m && strcmp(name + n - m, suffix) == 0;
}

/* The tree of vectors is a few levels deep: recursion is bounded by VD_PATH_MAX. */
static void
walk(const char *dir, const char *path, const char *suffix, vd_vectors_fn fn, void *ctx)
{
    char full[VD_PATH_MAX];
    char child[VD_PATH_MAX];
    struct stat st;
    join(full, dir, path);
    struct dirent **names;
    int count = scandir(full, &names, NULL, alphasort);
    if (count < 0)
        fail_msg("cannot list %s", full);
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        if (name[0] != '.') {
            join(child, path, name);
            join(full, dir, child);
            if (stat(full, &st) == 0 && S_ISDIR(st.st_mode))
                walk(dir, child, suffix, fn, ctx);
            else if (has_suffix(name, suffix))
                fn(ctx, child);
        }
        free(names[i]);
    }
    free(names);
}

bool
vd_vectors_walk(const char *folder, const char *suffix, vd_vectors_fn fn, void *ctx)
{
    const char *dir = vd_vectors_dir();
    if (dir == NULL)
        return false;
    walk(dir, folder, suffix, fn, ctx);
    return true;
}

/* The digits of text, without their prefix. */
static const char *
digits_of(const char *text)
{
    if (text == NULL)
        fail_msg("a hex string is missing");
    return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
}

uint8_t *
vd_unhex(const char *text, size_t *len)
{
    const char *digits = digits_of(text);
    size_t n = strlen(digits);
    size_t odd = n % 2;
    uint8_t *bytes = malloc(n / 2 + 2);
    if (bytes == NULL)
        fail_msg("out of memory");
    *len = n / 2 + odd;
    char first[2] = {'0', digits[0]};
    if ((odd != 0 && vd_hex_decode(bytes, 1, first, 2) != VD_OK) ||
        vd_hex_decode(bytes + odd, n / 2, digits + odd, n - odd) != VD_OK)
        fail_msg("no hex: %s", text);
    return bytes;
}

void
vd_unhex_fixed(uint8_t *out, size_t len, const char *text)
{
    const char *digits = digits_of(text);
    if (vd_hex_decode(out, len, digits, strlen(digits)) != VD_OK)
        fail_msg("no hex of %zu bytes: %s", len, text);
}

struct vd_hash
vd_unhex_word(const char *text)
{
    struct vd_hash word = {{0}};
    size_t len;
    uint8_t *bytes = vd_unhex(text, &len);
    if (len > sizeof word.b)
        fail_msg("more than 32 bytes: %s", text);
    memcpy(word.b + sizeof word.b - len, bytes, len);
    free(bytes);
    return word;
}
