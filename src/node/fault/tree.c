/* Memory's Keccak tree.

   Level 0 are the 2^27 leaves, the 32-byte words of memory themselves; a page of 4,096 bytes is a
   subtree of 7 levels whose inner nodes are computed when they are needed, and the 20 levels above
   pages are kept.  A page that was never written has the hash of a page of zeros. */
#include "machine_internal.h"

#include "viaduct/core/crypto/keccak.h"

#define PAGE_LEVEL 7u
#define PAGE_LEAVES 128u
#define BATCH 64u

static struct vd_hash
pair(const struct vd_hash *left, const struct vd_hash *right)
{
    uint8_t both[64];
    memcpy(both, left->b, 32);
    memcpy(both + 32, right->b, 32);
    return vd_keccak256(vd_slice(both, sizeof both));
}

/* The inner nodes of a page: node[1] its root, children of i at 2i and 2i + 1, leaves from 128. */
static void
page_tree(struct vd_hash node[2 * PAGE_LEAVES], const uint8_t *page)
{
    memcpy(node + PAGE_LEAVES, page, VD_VM_PAGE);
    for (unsigned first = PAGE_LEAVES / 2; first > 0; first /= 2) {
        struct vd_slice in[PAGE_LEAVES / 2];
        for (unsigned i = 0; i < first; i++) {
            in[i] = vd_slice(node[2 * (first + i)].b, 64);
        }
        vd_keccak256_many(node + first, in, first);
    }
}

/* The node at index of the tree above pages, which is `level` levels above the leaves. */
static const struct vd_hash *
node_at(const struct vd_machine *m, uint32_t index, unsigned level)
{
    return vd_hash_is_zero(&m->nodes[index]) ? &m->zero[level] : &m->nodes[index];
}

/* Hashes the parents of the nodes in list, which is sorted; leaves them in list and returns how
   many they are. */
static size_t
hash_parents(struct vd_machine *m, uint32_t *list, size_t count, unsigned level)
{
    size_t parents = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t parent = list[i] / 2;
        if (parents == 0 || list[parents - 1] != parent) {
            list[parents++] = parent;
        }
    }
    for (size_t at = 0; at < parents; at += BATCH) {
        size_t n = parents - at < BATCH ? parents - at : BATCH;
        uint8_t bytes[BATCH][64];
        struct vd_slice in[BATCH];
        struct vd_hash out[BATCH];
        for (size_t i = 0; i < n; i++) {
            memcpy(bytes[i], node_at(m, 2 * list[at + i], level)->b, 32);
            memcpy(bytes[i] + 32, node_at(m, 2 * list[at + i] + 1, level)->b, 32);
            in[i] = vd_slice(bytes[i], 64);
        }
        vd_keccak256_many(out, in, n);
        for (size_t i = 0; i < n; i++) {
            m->nodes[list[at + i]] = out[i];
        }
    }
    return parents;
}

static size_t
hash_pages(struct vd_machine *m, uint32_t *list, size_t max, uint32_t *next)
{
    size_t count = 0;
    uint32_t page = *next;
    for (; page < VD_VM_PAGES && count < max; page++) {
        if (page % 8 == 0 && page + 8 <= VD_VM_PAGES && vd_load_le64(m->marks + page) == 0) {
            page += 7;
            continue;
        }
        if (m->marks[page] & VD_VM_UNHASHED) {
            struct vd_hash node[2 * PAGE_LEAVES];
            page_tree(node, m->memory + (size_t)page * VD_VM_PAGE);
            m->nodes[VD_VM_PAGES + page] = node[1];
            m->marks[page] &= (uint8_t)~VD_VM_UNHASHED;
            list[count++] = VD_VM_PAGES + page;
        }
    }
    *next = page;
    return count;
}

void
vd_machine_hash(struct vd_machine *m)
{
    uint32_t list[1024];
    uint32_t next = 0;
    while (next < VD_VM_PAGES) {
        size_t count = hash_pages(m, list, sizeof list / sizeof list[0], &next);
        for (unsigned level = PAGE_LEVEL; count > 0 && level < VD_VM_LEVELS; level++) {
            count = hash_parents(m, list, count, level);
        }
    }
}

/* Siblings from a node of the page's tree up to the root. */
static void
siblings(const struct vd_machine *m, uint8_t *out, const struct vd_hash *page, unsigned node,
         uint32_t page_number)
{
    for (; node > 1; node /= 2, out += 32) {
        memcpy(out, page[node ^ 1].b, 32);
    }
    uint32_t index = VD_VM_PAGES + page_number;
    for (unsigned level = PAGE_LEVEL; level < VD_VM_LEVELS; level++, index /= 2, out += 32) {
        memcpy(out, node_at(m, index ^ 1, level)->b, 32);
    }
}

void
vd_machine_prove(const struct vd_machine *m, uint8_t proof[VD_VM_PROOF_BYTES], uint32_t address)
{
    struct vd_hash node[2 * PAGE_LEAVES];
    uint32_t page = address / VD_VM_PAGE;
    unsigned leaf = PAGE_LEAVES + address % VD_VM_PAGE / 32;
    page_tree(node, m->memory + (size_t)page * VD_VM_PAGE);
    memcpy(proof, node[leaf].b, 32);
    siblings(m, proof + 32, node, leaf, page);
}

void
vd_machine_prove_state(const struct vd_machine *m, uint8_t *out, uint32_t address)
{
    struct vd_hash node[2 * PAGE_LEAVES];
    uint32_t page = address / VD_VM_PAGE;
    page_tree(node, m->memory + (size_t)page * VD_VM_PAGE);
    siblings(m, out, node, (PAGE_LEAVES + address % VD_VM_PAGE / 32) / 8, page);
}

void
vd_machine_zero_hashes(struct vd_machine *m)
{
    memset(m->zero[0].b, 0, 32);
    for (unsigned level = 0; level < VD_VM_LEVELS; level++) {
        m->zero[level + 1] = pair(&m->zero[level], &m->zero[level]);
    }
}
