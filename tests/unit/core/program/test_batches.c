/* The longest batches that the protocol allows, through the whole program in the memory that the
   guest has.  What they make is known without deriving it: a block whose payload is invalid holds
   its deposits alone, and so does an empty one. */
#include "unit/core/program/long_batch.h"

enum {
    WINDOW = 10,
    BLOCKS = 3,
    EMPTY_BLOCKS = VD_BATCH_MAX_ITEMS,
    CREATIONS = 1400000, /* 70 bytes each in a span */
    LARGE = 9,           /* transactions of nearly the longest tx_data */
    LARGE_BYTES = 9990000,
};

/* A chain of empty blocks, and an L1 block that is open for a channel. */
static struct chain *
begin(void)
{
    struct chain *c = chain_new(WINDOW);
    c->config.genesis_system_config.gas_limit = VD_PROGRAM_MAX_GAS_LIMIT;
    chain_begin(c);
    chain_l1_grow(c, 2);
    for (size_t i = 0; i < BLOCKS; i++)
        (void)chain_l2_add(c, 0, NULL, 0);
    chain_l1_open(c);
    return c;
}

/* Posts the channel and asks for the last block that it may give. */
static void
expect_blocks(struct chain *c, struct deflate *d, uint64_t blocks)
{
    brotli_end(d);
    assert_int_equal(d->out->err, VD_OK);
    chain_post_channel(c, vd_buf_view(d->out), 0x77);
    chain_l1_seal(c);
    chain_ask(c, 0, BLOCKS, &c->l2[blocks].output);
    assert_int_equal(chain_run(c), VD_OK);
    if (c->result.verdict != VD_PROGRAM_VALID || c->result.head.number != blocks)
        fail_msg("verdict %d at block %llu: %s", (int)c->result.verdict,
                 (unsigned long long)c->result.head.number, c->result.why);
    chain_free(c);
}

/* --- singular batches --- */

static void
check_singular(struct vd_slice first, struct vd_slice last, uint64_t blocks)
{
    struct chain *c = begin();
    struct vd_buf out;
    struct deflate d = long_singular(c, &out, first, 1, last);
    expect_blocks(c, &d, blocks);
}

static void
test_singular_batch_of_one_byte_transactions(void **state)
{
    static const uint8_t one[] = {0x01};
    static const uint8_t empty[] = {0x80};
    static const uint8_t list[] = {0xc0};
    (void)state;
    /* More transactions than any block has gas for: the block has its deposits alone. */
    check_singular(vd_slice(one, 1), (struct vd_slice){0}, 1);
    /* An empty one costs the batch, one that is none the channel, be it the last of all. */
    check_singular(vd_slice(one, 1), vd_slice(empty, 1), 0);
    check_singular(vd_slice(one, 1), vd_slice(list, 1), 0);
}

/* One transaction of 3.7 million authorisations (EIP-7702), the most that decoding makes of a
   byte. */
static void
test_singular_batch_of_one_transaction(void **state)
{
    static const uint8_t authorization[] = {0xda, 0x01, 0x94, [23] = 0x80, 0x80, 0x01, 0x01};
    const size_t size = sizeof authorization;
    const size_t count = (VD_CHANNEL_MAX_BYTES - 400) / size;
    struct vd_authorization one = {.chain_id = vd_u256(1), .r = vd_u256(1), .s = vd_u256(1)};
    struct chain *c = begin();
    struct vd_tx tx = {.type = VD_TX_SET_CODE,
                       .has_chain_id = true,
                       .chain_id = CHAIN_ID,
                       .gas_limit = VD_PROGRAM_MAX_GAS_LIMIT,
                       .to = chain_user(5),
                       .authorizations = &one,
                       .authorization_count = 1,
                       .r = vd_u256(1),
                       .s = vd_u256(1)};
    (void)state;
    struct vd_slice small = chain_encode(c, &tx);
    const uint8_t *at = small.ptr;
    while (memcmp(at, authorization, size) != 0)
        at++;
    assert_int_equal(at[-1], 0xc0 + size);
    /* 04, a list's header of two bytes, the fields; the list of authorisations; v, r, s. */
    assert_int_equal(small.ptr[1], 0xf8);
    struct vd_slice fields = vd_slice(small.ptr + 3, (size_t)(at - 1 - small.ptr - 3));
    struct vd_slice tail = vd_slice(at + size, (size_t)(small.ptr + small.len - at) - size);
    size_t list = fields.len + 5 + count * size + tail.len;
    struct vd_buf head = long_singular_head(c, 5 + 1 + 5 + list);
    struct vd_buf out;
    put_string_header(&head, 1 + 5 + list);
    vd_buf_byte(&head, VD_TX_SET_CODE);
    put_list_header(&head, list);
    vd_buf_slice(&head, fields);
    put_list_header(&head, count * size);
    vd_buf_bytes(&head, authorization, size);
    vd_buf_init(&out, &c->arena);
    struct deflate d = brotli_begin(&out);
    brotli_raw(&d, vd_buf_view(&head));
    brotli_repeat(&d, (uint32_t)size, (count - 1) * size);
    brotli_raw(&d, tail);
    expect_blocks(c, &d, 1);
}

/* --- span batches --- */

static void
put_uvarint(struct vd_buf *buf, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        vd_buf_byte(buf, (uint8_t)(value | 0x80));
    vd_buf_byte(buf, (uint8_t)value);
}

/* A span in a string of 100 MB that begins with block 1 and stays on origin 0, up to its number of
   blocks.  Bytes behind a batch are nobody's. */
static struct vd_buf
span_head(struct chain *c, uint64_t blocks)
{
    struct vd_buf head;
    vd_buf_init(&head, &c->arena);
    put_string_header(&head, VD_CHANNEL_MAX_BYTES - 5);
    vd_buf_byte(&head, VD_BATCH_SPAN);
    put_uvarint(&head, CHAIN_BLOCK_TIME);
    put_uvarint(&head, 0);
    vd_buf_bytes(&head, c->l2[0].ref.hash.b, 20);
    vd_buf_bytes(&head, c->l1[0].hash.b, 20);
    put_uvarint(&head, blocks);
    assert_int_equal(head.err, VD_OK);
    return head;
}

static void
test_span_batch_of_empty_blocks(void **state)
{
    struct chain *c = begin();
    struct vd_buf out;
    (void)state;
    struct vd_buf head = span_head(c, EMPTY_BLOCKS);
    vd_buf_byte(&head, 0);
    vd_buf_init(&out, &c->arena);
    struct deflate d = brotli_begin(&out);
    brotli_raw(&d, vd_buf_view(&head));
    brotli_repeat(&d, 1, VD_CHANNEL_MAX_BYTES - head.len);
    expect_blocks(c, &d, BLOCKS);
}

static void
put_repeated(struct deflate *d, const uint8_t *bytes, size_t len, size_t times)
{
    brotli_raw(d, vd_slice(bytes, len));
    brotli_repeat(d, (uint32_t)len, (times - 1) * len);
}

/* Creations that say nothing, in blocks of that many. */
static void
check_creations(uint64_t blocks, uint64_t in_block)
{
    static const uint8_t bits[] = {0xff};
    static const uint8_t zero[] = {0x00};
    static const uint8_t data[] = {0xc3, 0x80, 0x80, 0x80};
    const size_t n = (size_t)(blocks * in_block);
    const size_t before_data = n / 8 + n / 8 + 64 * n;
    struct chain *c = begin();
    struct vd_buf out;
    struct vd_buf head = span_head(c, blocks);
    for (uint64_t i = 0; i < (blocks + 7) / 8; i++)
        vd_buf_byte(&head, 0);
    for (uint64_t i = 0; i < blocks; i++)
        put_uvarint(&head, in_block);
    vd_buf_init(&out, &c->arena);
    struct deflate d = brotli_begin(&out);
    brotli_raw(&d, vd_buf_view(&head));
    brotli_raw(&d, vd_slice(bits, 1));
    for (size_t left = n / 8 - 1; left > 0;) { /* less than brotli_repeat writes */
        uint8_t piece[4096];
        size_t len = left < sizeof piece ? left : sizeof piece;
        memset(piece, 0xff, sizeof piece);
        brotli_raw(&d, vd_slice(piece, len));
        left -= len;
    }
    put_repeated(&d, zero, 1, before_data - n / 8);
    put_repeated(&d, data, 4, n);
    put_repeated(&d, zero, 1, VD_CHANNEL_MAX_BYTES - head.len - before_data - 4 * n);
    expect_blocks(c, &d, 1);
}

/* In one block there are more than it has gas for; in many, the first is rebuilt and is invalid. */
static void
test_span_batch_of_the_most_transactions(void **state)
{
    (void)state;
    check_creations(1, CREATIONS);
    check_creations(CREATIONS / 28000, 28000);
}

/* A block that is rebuilt from nearly all that a channel holds. */
static void
test_span_batch_of_the_longest_transactions(void **state)
{
    struct chain *c = begin();
    struct vd_buf out;
    (void)state;
    struct vd_buf head = span_head(c, 1);
    vd_buf_byte(&head, 0);
    put_uvarint(&head, LARGE);
    vd_buf_bytes(&head, (const uint8_t[]){0x01, 0xff}, 2); /* creations, all of them */
    vd_buf_bytes(&head, (const uint8_t[]){0x00, 0x00}, 2);
    for (size_t i = 0; i < LARGE * 64; i++)
        vd_buf_byte(&head, 0);
    vd_buf_init(&out, &c->arena);
    struct deflate d = brotli_begin(&out);
    brotli_raw(&d, vd_buf_view(&head));
    size_t made = head.len;
    for (size_t i = 0; i < LARGE; i++) {
        struct vd_buf tx;
        vd_buf_init(&tx, &c->arena);
        put_list_header(&tx, 2 + 4 + LARGE_BYTES);
        vd_buf_bytes(&tx, (const uint8_t[]){0x80, 0x80}, 2);
        put_string_header(&tx, LARGE_BYTES);
        vd_buf_byte(&tx, 0);
        brotli_raw(&d, vd_buf_view(&tx));
        brotli_repeat(&d, 1, LARGE_BYTES - 1);
        made += tx.len + LARGE_BYTES - 1;
    }
    static const uint8_t zero[] = {0x00}; /* nonces, gas limits, protection, nothing */
    put_repeated(&d, zero, 1, VD_CHANNEL_MAX_BYTES - made);
    expect_blocks(c, &d, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_singular_batch_of_one_byte_transactions),
        cmocka_unit_test(test_singular_batch_of_one_transaction),
        cmocka_unit_test(test_span_batch_of_empty_blocks),
        cmocka_unit_test(test_span_batch_of_the_most_transactions),
        cmocka_unit_test(test_span_batch_of_the_longest_transactions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
