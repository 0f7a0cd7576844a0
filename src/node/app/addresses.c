#include "addresses.h"

#include <string.h>

#include "viaduct/core/crypto/keccak.h"

static const struct {
    const char *name;
    size_t offset;
} rows[] = {
#define FIELD(field, name) {name, offsetof(struct vd_addresses, field)},
#include "addresses.def"
};
#define ROWS (sizeof rows / sizeof rows[0])

bool
vd_addresses_read(struct vd_file_read *r, struct vd_addresses *out, const char *path)
{
    *out = (struct vd_addresses){0};
    r->file = path;
    json_t *root = vd_file_load(r, path);
    if (!root) {
        return false;
    }
    for (size_t i = 0; i < ROWS; i++) {
        uint8_t address[20];
        vd_file_fixed_or_zero(r, address, sizeof address, root, rows[i].name);
        memcpy((uint8_t *)out + rows[i].offset, address, sizeof address);
    }
    json_decref(root);
    return !vd_file_failed(r);
}

const char *
vd_addresses_name(const struct vd_addresses *addresses, const struct vd_address *address)
{
    static const struct vd_address none;
    for (size_t i = 0; i < ROWS && !vd_address_eq(address, &none); i++) {
        if (memcmp((const uint8_t *)addresses + rows[i].offset, address->b, sizeof none.b) == 0) {
            return rows[i].name;
        }
    }
    return NULL;
}

void
vd_address_text(char text[43], const struct vd_address *address)
{
    text[0] = '0';
    text[1] = 'x';
    vd_hex_encode(text + 2, address->b, 20);
    text[42] = '\0';
    /* EIP-55: a letter is upper case where the hash of the digits has a high nibble. */
    struct vd_hash hash = vd_keccak256(vd_slice((const uint8_t *)text + 2, 40));
    for (size_t i = 0; i < 40; i++) {
        unsigned nibble = i % 2 == 0 ? hash.b[i / 2] >> 4 : hash.b[i / 2] & 15u;
        if (text[2 + i] >= 'a' && nibble >= 8) {
            text[2 + i] = (char)(text[2 + i] - 'a' + 'A');
        }
    }
}

json_t *
vd_addresses_write(const struct vd_addresses *addresses)
{
    static const struct vd_address zero;
    json_t *root = json_object();
    for (size_t i = 0; i < ROWS; i++) {
        struct vd_address address;
        memcpy(&address, (const uint8_t *)addresses + rows[i].offset, sizeof address);
        if (memcmp(&address, &zero, sizeof zero) != 0) {
            char text[43];
            vd_address_text(text, &address);
            json_object_set_new(root, rows[i].name, json_string(text));
        }
    }
    return root;
}

const struct vd_address *
vd_addresses_find(const struct vd_addresses *addresses, const char *name)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return (const struct vd_address *)(const void *)((const uint8_t *)addresses +
                                                             rows[i].offset);
        }
    }
    return NULL;
}
