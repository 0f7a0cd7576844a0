#include "tools/evm/json.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "viaduct/core/chain/rules.h"

/* --- values --- */

/* The digits after 0x, or NULL. */
static const char *
digits(const json_t *value, size_t *len)
{
    const char *text = json_string_value(value);
    if (text == NULL || text[0] != '0' || text[1] != 'x')
        return NULL;
    *len = strlen(text + 2);
    return text + 2;
}

bool
json_bytes(struct vd_slice *out, struct vd_arena *arena, const json_t *value)
{
    size_t len;
    const char *hex = digits(value, &len);
    if (hex == NULL || len % 2 != 0)
        return false;
    uint8_t *bytes = vd_arena_alloc(arena, len / 2, 1);
    if (bytes == NULL || vd_hex_decode(bytes, len / 2, hex, len) != VD_OK)
        return false;
    *out = vd_slice(bytes, len / 2);
    return true;
}

bool
json_fixed(uint8_t *out, size_t len, const json_t *value)
{
    size_t hex_len;
    const char *hex = digits(value, &hex_len);
    return hex != NULL && vd_hex_decode(out, len, hex, hex_len) == VD_OK;
}

bool
hex_u256(struct vd_u256 *out, const char *text)
{
    char padded[64];
    uint8_t bytes[32];
    if (text[0] != '0' || text[1] != 'x')
        return false;
    text += 2;
    size_t len = strlen(text);
    while (len > sizeof padded && *text == '0') {
        text++;
        len--;
    }
    if (len > sizeof padded)
        return false;
    memset(padded, '0', sizeof padded);
    memcpy(padded + sizeof padded - len, text, len);
    if (vd_hex_decode(bytes, sizeof bytes, padded, sizeof padded) != VD_OK)
        return false;
    *out = vd_u256_from_be(bytes);
    return true;
}

bool
json_u256(struct vd_u256 *out, const json_t *value)
{
    *out = vd_u256(0);
    if (value == NULL)
        return true;
    const char *text = json_string_value(value);
    return text != NULL && hex_u256(out, text);
}

bool
json_u64(uint64_t *out, const json_t *value)
{
    struct vd_u256 word;
    if (!json_u256(&word, value) || !vd_u256_fits_u64(&word))
        return false;
    *out = word.w[0];
    return true;
}

static bool
blob_params(struct vd_blob_params *params, const json_t *entry)
{
    uint64_t target;
    uint64_t max;
    if (entry == NULL)
        return true;
    if (!json_u64(&target, json_object_get(entry, "target")) ||
        !json_u64(&max, json_object_get(entry, "max")) ||
        !json_u64(&params->update_fraction, json_object_get(entry, "baseFeeUpdateFraction")))
        return false;
    params->target = (uint32_t)target;
    params->max = (uint32_t)max;
    return true;
}

bool
json_chain_config(struct vd_chain_config *config, const json_t *test)
{
    const json_t *given = json_object_get(test, "config");
    const json_t *chain_id = json_object_get(given, "chainid");
    const json_t *schedule = json_object_get(given, "blobSchedule");
    if (chain_id != NULL && !json_u64(&config->chain_id, chain_id))
        return false;
    return blob_params(&config->blobs[0], json_object_get(schedule, "Cancun")) &&
           blob_params(&config->blobs[1], json_object_get(schedule, "Prague"));
}

/* --- folders --- */

static bool
walk_file(const char *path, json_file_fn fn, void *ctx)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    if (root == NULL) {
        fprintf(stderr, "viaduct-evm: %s: line %d: %s\n", path, error.line, error.text);
        return false;
    }
    fn(ctx, path, root);
    json_decref(root);
    return true;
}

static int
visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool
ends_in_json(const char *path)
{
    size_t len = strlen(path);
    return len > 5 && strcmp(path + len - 5, ".json") == 0;
}

static bool
walk_folder(const char *path, json_file_fn fn, void *ctx)
{
    struct dirent **entries;
    int count = scandir(path, &entries, visible, alphasort);
    bool ok = count >= 0;
    if (!ok)
        perror(path);
    for (int i = 0; i < count; i++) {
        char child[4096];
        struct stat info;
        int len = snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
        bool fits = len > 0 && (size_t)len < sizeof child && stat(child, &info) == 0;
        if (!fits)
            ok = false;
        else if (S_ISDIR(info.st_mode) || ends_in_json(child))
            ok &= json_walk(child, fn, ctx);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return ok;
}

bool
json_walk(const char *path, json_file_fn fn, void *ctx)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        perror(path);
        return false;
    }
    return S_ISDIR(info.st_mode) ? walk_folder(path, fn, ctx) : walk_file(path, fn, ctx);
}
