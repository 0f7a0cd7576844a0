/* The list of constants: every selector, topic and slot is the hash of the text beside it, and the
   bytes that C makes of a row are those that the row shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"

struct selector_row {
    uint32_t value;
    const char *signature;
};
struct word_row {
    const struct vd_hash *value;
    const char *text;
};

#define ADDRESS(name, a, b, c, text)
#define NUMBER(type, name, value, text)
#define SELECTOR(name, value, signature) {VD_SELECTOR_##name, signature},
#define TOPIC(name, a, b, c, d, signature)
#define SLOT(name, a, b, c, d, label)
static const struct selector_row selectors[] = {
#include "viaduct/core/base/constants.def"
};
#undef SELECTOR
#undef TOPIC
#define SELECTOR(name, value, signature)
#define TOPIC(name, a, b, c, d, signature) {&VD_TOPIC_##name, signature},
static const struct word_row topics[] = {
#include "viaduct/core/base/constants.def"
};
#undef TOPIC
#undef SLOT
#define TOPIC(name, a, b, c, d, signature)
#define SLOT(name, a, b, c, d, label) {&VD_SLOT_##name, label},
static const struct word_row slots[] = {
#include "viaduct/core/base/constants.def"
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct vd_hash
hash_text(const char *text)
{
    return vd_keccak256(vd_slice((const uint8_t *)text, strlen(text)));
}

static void
test_selectors_are_hashes_of_their_signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(selectors); i++) {
        struct vd_hash hash = hash_text(selectors[i].signature);
        if (vd_load_be32(hash.b) != selectors[i].value)
            fail_msg("%s", selectors[i].signature);
    }
}

static void
test_topics_are_hashes_of_their_signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(topics); i++) {
        struct vd_hash hash = hash_text(topics[i].text);
        if (!vd_hash_eq(&hash, topics[i].value))
            fail_msg("%s", topics[i].text);
    }
}

static void
test_slots_are_hashes_of_their_labels_less_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(slots); i++) {
        struct vd_hash hash = hash_text(slots[i].text);
        for (size_t at = sizeof hash.b; at-- > 0 && hash.b[at]-- == 0;) {
        }
        if (!vd_hash_eq(&hash, slots[i].value))
            fail_msg("%s", slots[i].text);
    }
}

/* OP Stack specs, predeploys and address aliasing; every byte differs from its neighbours. */
static void
test_addresses_keep_the_order_of_their_bytes(void **state)
{
    static const uint8_t permit2[20] = {0x00, 0x00, 0x00, 0x00, 0x00, 0x22, 0xd4, 0x73, 0x03, 0x0f,
                                        0x11, 0x6d, 0xde, 0xe9, 0xf6, 0xb4, 0x3a, 0xc7, 0x8b, 0xa3};
    static const uint8_t messenger[20] = {0x42, [19] = 0x07};
    static const uint8_t offset[20] = {0x11, 0x11, [18] = 0x11, [19] = 0x11};
    (void)state;
    assert_memory_equal(VD_PREINSTALL_PERMIT2.b, permit2, 20);
    assert_memory_equal(VD_L2_CROSS_DOMAIN_MESSENGER.b, messenger, 20);
    assert_memory_equal(VD_ALIAS_OFFSET.b, offset, 20);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selectors_are_hashes_of_their_signatures),
        cmocka_unit_test(test_topics_are_hashes_of_their_signatures),
        cmocka_unit_test(test_slots_are_hashes_of_their_labels_less_one),
        cmocka_unit_test(test_addresses_keep_the_order_of_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
