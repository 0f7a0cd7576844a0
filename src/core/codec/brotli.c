/* The decoder of RFC 7932.  Reading order: vd_brotli_read, advance, then the header of a
   meta-block, its prefix codes, and its commands.

   Bits come least significant first.  Reading past the end of the input gives zeros and is noticed
   before anything that was made of them is given out.

   Of a malformed stream every byte is given out that stands before the symbol that is wrong; the
   reference implementation in Go may hold the last of them back, depending on how it was fed, and
   implementations differ here (the OP Stack says nothing). */
#include "viaduct/core/codec/brotli.h"

#include "core/codec/brotli_words.h"

#define WINDOW ((uint64_t)1 << 24)
#define MASK (WINDOW - 1)
#define CHUNK 32768u /* up to twice as many are produced before they are given out */
#define MAX_TREES 256u
#define LITERALS 256u
#define COMMANDS 704u
#define DISTANCES 520u   /* 16 + NDIRECT + (48 << NPOSTFIX) at most */
#define BLOCK_TYPES 258u /* and two */
#define BLOCK_COUNTS 26u
#define CONTEXT_SYMBOLS (MAX_TREES + 16u)
#define MAX_BITS 15u
#define ROOT_BITS 8u
#define ENDLESS ((uint32_t)1 << 24) /* the length of the only block */

/* A prefix code: codes of up to ROOT_BITS bits by table, longer ones by counting. */
struct code {
    uint16_t root[1 << ROOT_BITS]; /* symbol << 4 | length; 0xffff: longer */
    unsigned mask;                 /* of the bits that the table is as wide as */
    uint16_t count[MAX_BITS + 1];  /* of codes by length */
    uint16_t *symbols;             /* in order of their codes */
};

/* Block types and lengths of one of the three kinds of symbols. */
struct blocks {
    unsigned types;
    unsigned type;
    unsigned previous;
    uint32_t left;
    struct code type_code;
    struct code count_code;
    uint16_t type_symbols[BLOCK_TYPES];
    uint16_t count_symbols[BLOCK_COUNTS];
};

enum kind { LITERAL, COMMAND, DISTANCE, KINDS };
enum state { HEADER, META_BLOCK, RAW, COMMAND_NEXT, INSERT, COPY, WORD, ENDED, FAILED };

struct vd_brotli {
    /* Input. */
    struct vd_slice in;
    size_t at; /* next byte */
    uint64_t bits;
    unsigned bit_count;
    bool overrun;
    /* Output. */
    uint64_t produced;
    uint64_t given;
    uint64_t window; /* farthest backward distance */
    /* Where the stream stands. */
    enum state state;
    bool last;
    uint32_t left; /* bytes of the meta-block */
    uint32_t insert;
    uint32_t copy;
    uint32_t distance;
    bool implicit_distance;
    uint32_t recent[4]; /* distances, the last one at recent[next - 1] */
    unsigned next_recent;
    /* The meta-block. */
    struct blocks blocks[KINDS];
    unsigned postfix;
    unsigned direct;
    uint8_t mode[MAX_TREES];
    unsigned literal_trees;
    uint8_t literal_map[64 * MAX_TREES];
    uint8_t distance_map[4 * MAX_TREES];
    struct code codes[KINDS][MAX_TREES];
    uint16_t literal_symbols[MAX_TREES][LITERALS];
    uint16_t command_symbols[MAX_TREES][COMMANDS];
    uint16_t distance_symbols[MAX_TREES][DISTANCES];
    struct code scratch;
    uint16_t scratch_symbols[CONTEXT_SYMBOLS];
    uint8_t word[VD_BROTLI_MAX_WORD];
    unsigned word_len;
    unsigned word_at;
    uint8_t ring[WINDOW];
};

size_t
vd_brotli_size(void)
{
    return sizeof(struct vd_brotli);
}

/* --- bits --- */

static void
refill(struct vd_brotli *b, unsigned want)
{
    if (b->at < b->in.len && b->in.len - b->at >= 8) {
        unsigned bytes = (63 - b->bit_count) / 8;
        uint64_t word = vd_load_le64(b->in.ptr + b->at) & ~(uint64_t)0 >> (64 - 8 * bytes);
        b->bits |= word << b->bit_count;
        b->at += bytes;
        b->bit_count += 8 * bytes;
        return;
    }
    while (b->bit_count < want) {
        uint64_t byte = 0;
        if (b->at < b->in.len)
            byte = b->in.ptr[b->at];
        else
            b->overrun = b->overrun || b->at >= b->in.len + 8;
        b->at++;
        b->bits |= byte << b->bit_count;
        b->bit_count += 8;
    }
}

static inline void
fill(struct vd_brotli *b, unsigned want)
{
    if (b->bit_count < want)
        refill(b, want);
}

/* True once more bits were used than there are. */
static inline bool
is_past_end(const struct vd_brotli *b)
{
    return b->at > b->in.len && (b->overrun || b->bit_count < 8 * (b->at - b->in.len));
}

static uint32_t
read_bits(struct vd_brotli *b, unsigned n)
{
    fill(b, n);
    uint32_t value = (uint32_t)(b->bits & (((uint64_t)1 << n) - 1));
    b->bits >>= n;
    b->bit_count -= n;
    return value;
}

/* Drops the bits up to the next byte of the input, which must be zeros. */
static bool
align(struct vd_brotli *b)
{
    return read_bits(b, b->bit_count % 8) == 0;
}

/* --- prefix codes --- */

static unsigned
reverse(unsigned code, unsigned len)
{
    unsigned out = 0;
    for (unsigned i = 0; i < len; i++)
        out |= (code >> i & 1) << (len - 1 - i);
    return out;
}

static void
fill_root(struct code *code, unsigned longest)
{
    unsigned bits = longest < ROOT_BITS ? longest : ROOT_BITS;
    unsigned size = 1u << bits;
    unsigned first = 0;
    unsigned index = 0;
    code->mask = size - 1;
    if (longest > ROOT_BITS)
        memset(code->root, 0xff, sizeof code->root);
    for (unsigned len = 1; len <= bits; len++) {
        first <<= 1;
        for (unsigned k = 0; k < code->count[len]; k++, index++) {
            uint16_t entry = (uint16_t)((unsigned)code->symbols[index] << 4 | len);
            for (unsigned i = reverse(first + k, len); i < size; i += 1u << len)
                code->root[i] = entry;
        }
        first += code->count[len];
    }
}

/* From the length of each symbol's code (0: none).  Lengths are those of a full code, or there is
   one symbol alone, whose code has no bits. */
static void
make_code(struct code *code, uint16_t *symbols, const uint8_t *lengths, unsigned count)
{
    uint16_t next[MAX_BITS + 2] = {0};
    memset(code->count, 0, sizeof code->count);
    for (unsigned i = 0; i < count; i++)
        code->count[lengths[i]]++;
    code->count[0] = 0;
    unsigned longest = 0;
    for (unsigned len = 1; len <= MAX_BITS; len++) {
        next[len + 1] = (uint16_t)(next[len] + code->count[len]);
        longest = code->count[len] != 0 ? len : longest;
    }
    for (unsigned i = 0; i < count; i++) {
        if (lengths[i] != 0)
            symbols[next[lengths[i]]++] = (uint16_t)i;
    }
    code->symbols = symbols;
    fill_root(code, longest);
}

static void
make_single(struct code *code, uint16_t *symbols, unsigned symbol)
{
    memset(code->count, 0, sizeof code->count);
    symbols[0] = (uint16_t)symbol;
    code->symbols = symbols;
    code->mask = 0;
    code->root[0] = (uint16_t)(symbol << 4);
}

/* A symbol whose code is longer than the table is wide. */
static unsigned
find_long(struct vd_brotli *b, const struct code *code)
{
    unsigned value = 0;
    unsigned first = 0;
    unsigned index = 0;
    for (unsigned len = 1; len <= MAX_BITS; len++) {
        value = value << 1 | (unsigned)(b->bits >> (len - 1) & 1);
        first <<= 1;
        if (value - first < code->count[len]) {
            b->bits >>= len;
            b->bit_count -= len;
            return code->symbols[index + value - first];
        }
        first += code->count[len];
        index += code->count[len];
    }
    b->overrun = true; /* cannot be: the code is full */
    return 0;
}

static inline unsigned
read_symbol(struct vd_brotli *b, const struct code *code)
{
    fill(b, MAX_BITS);
    unsigned entry = code->root[b->bits & code->mask];
    if (entry == 0xffff)
        return find_long(b, code);
    unsigned len = entry & 15;
    b->bits >>= len;
    b->bit_count -= len;
    return entry >> 4;
}

/* Section 3.4. */
static bool
read_simple_code(struct vd_brotli *b, struct code *code, uint16_t *symbols, unsigned alphabet)
{
    static const uint8_t lengths_of[5][4] = {{0}, {1, 1}, {1, 2, 2}, {2, 2, 2, 2}, {1, 2, 3, 3}};
    unsigned chosen[4];
    unsigned bits = 0;
    while (1u << bits < alphabet)
        bits++;
    unsigned count = read_bits(b, 2) + 1;
    for (unsigned i = 0; i < count; i++) {
        chosen[i] = read_bits(b, bits);
        if (chosen[i] >= alphabet)
            return false;
        for (unsigned k = 0; k < i; k++) {
            if (chosen[k] == chosen[i])
                return false;
        }
    }
    if (count == 1) {
        make_single(code, symbols, chosen[0]);
        return true;
    }
    unsigned shape = count == 4 && read_bits(b, 1) == 1 ? 4 : count - 1;
    const uint8_t *lengths = lengths_of[shape];
    memset(code->count, 0, sizeof code->count);
    for (unsigned i = 0; i < count; i++) {
        unsigned k = i;
        for (; k > 0 && lengths[k - 1] == lengths[i] && symbols[k - 1] > chosen[i]; k--)
            symbols[k] = symbols[k - 1];
        symbols[k] = (uint16_t)chosen[i];
        code->count[lengths[i]]++;
    }
    code->symbols = symbols;
    fill_root(code, lengths[count - 1]);
    return true;
}

/* Section 3.5: the code of the code lengths. */
static bool
read_length_code(struct vd_brotli *b, struct code *code, uint16_t symbols[18], unsigned skip)
{
    static const uint8_t order[18] = {1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    /* By the next four bits: how many of them, and what they say. */
    static const uint8_t bits_of[16] = {2, 2, 2, 3, 2, 2, 2, 4, 2, 2, 2, 3, 2, 2, 2, 4};
    static const uint8_t value_of[16] = {0, 4, 3, 2, 0, 4, 3, 1, 0, 4, 3, 2, 0, 4, 3, 5};
    uint8_t lengths[18] = {0};
    int space = 32;
    unsigned used = 0;
    unsigned last = 0;
    for (unsigned i = skip; i < 18 && space > 0; i++) {
        fill(b, 4);
        unsigned four = (unsigned)(b->bits & 15);
        read_bits(b, bits_of[four]);
        unsigned len = value_of[four];
        if (len != 0) {
            lengths[order[i]] = (uint8_t)len;
            space -= 32 >> len;
            used++;
            last = order[i];
        }
    }
    if (used == 1) {
        make_single(code, symbols, last);
        return true;
    }
    if (space != 0)
        return false;
    make_code(code, symbols, lengths, 18);
    return true;
}

static bool
read_complex_code(struct vd_brotli *b, struct code *code, uint16_t *symbols, unsigned alphabet,
                  unsigned skip)
{
    struct code of_lengths;
    uint16_t length_symbols[18];
    uint8_t lengths[COMMANDS];
    if (!read_length_code(b, &of_lengths, length_symbols, skip))
        return false;
    int32_t space = 32768;
    unsigned previous = 8;
    unsigned repeat = 0;
    unsigned repeated = 0; /* the length that repeat is about */
    unsigned at = 0;
    while (at < alphabet && space > 0) {
        unsigned symbol = read_symbol(b, &of_lengths);
        if (is_past_end(b))
            return false;
        if (symbol < 16) {
            repeat = 0;
            lengths[at++] = (uint8_t)symbol;
            if (symbol != 0) {
                previous = symbol;
                space -= 32768 >> symbol;
            }
            continue;
        }
        unsigned extra = symbol == 16 ? 2 : 3;
        unsigned len = symbol == 16 ? previous : 0;
        repeat = repeated == len ? repeat : 0;
        repeated = len;
        unsigned before = repeat;
        if (repeat > 0)
            repeat = (repeat - 2) << extra;
        repeat += 3 + read_bits(b, extra);
        unsigned more = repeat - before;
        if (more > alphabet - at)
            return false;
        memset(lengths + at, (int)len, more);
        at += more;
        if (len != 0)
            space -= (int32_t)(more << (MAX_BITS - len));
    }
    if (space != 0)
        return false;
    make_code(code, symbols, lengths, at);
    return true;
}

static bool
read_code(struct vd_brotli *b, struct code *code, uint16_t *symbols, unsigned alphabet)
{
    unsigned skip = read_bits(b, 2);
    bool ok = skip == 1 ? read_simple_code(b, code, symbols, alphabet)
                        : read_complex_code(b, code, symbols, alphabet, skip);
    return ok && !is_past_end(b);
}

/* --- the header of a meta-block --- */

static bool
read_window(struct vd_brotli *b)
{
    unsigned bits = 16;
    if (read_bits(b, 1) == 1) {
        unsigned n = read_bits(b, 3);
        if (n != 0) {
            bits = 17 + n;
        } else {
            n = read_bits(b, 3);
            if (n == 1)
                return false; /* a large window, which RFC 7932 does not have */
            bits = n == 0 ? 17 : 8 + n;
        }
    }
    b->window = ((uint64_t)1 << bits) - 16;
    return !is_past_end(b);
}

/* Section 9.2, a number of 1 to 256. */
static unsigned
read_count(struct vd_brotli *b)
{
    if (read_bits(b, 1) == 0)
        return 1;
    unsigned n = read_bits(b, 3);
    return (1u << n) + 1 + read_bits(b, n);
}

static const struct {
    uint16_t base;
    uint8_t extra;
} block_counts[BLOCK_COUNTS] = {
    {1, 2},     {5, 2},     {9, 2},     {13, 2},    {17, 3},    {25, 3},  {33, 3},
    {41, 3},    {49, 4},    {65, 4},    {81, 4},    {97, 4},    {113, 5}, {145, 5},
    {177, 5},   {209, 5},   {241, 6},   {305, 6},   {369, 7},   {497, 8}, {753, 9},
    {1265, 10}, {2289, 11}, {4337, 12}, {8433, 13}, {16625, 24}};

static uint32_t
read_block_count(struct vd_brotli *b, const struct blocks *blocks)
{
    unsigned symbol = read_symbol(b, &blocks->count_code);
    return block_counts[symbol].base + read_bits(b, block_counts[symbol].extra);
}

static bool
read_blocks(struct vd_brotli *b, struct blocks *blocks)
{
    blocks->types = read_count(b);
    blocks->type = 0;
    blocks->previous = 1;
    blocks->left = ENDLESS;
    if (blocks->types < 2)
        return true;
    if (!read_code(b, &blocks->type_code, blocks->type_symbols, blocks->types + 2) ||
        !read_code(b, &blocks->count_code, blocks->count_symbols, BLOCK_COUNTS))
        return false;
    blocks->left = read_block_count(b, blocks);
    return true;
}

static void
next_block(struct vd_brotli *b, struct blocks *blocks)
{
    unsigned symbol = read_symbol(b, &blocks->type_code);
    unsigned type = symbol == 0   ? blocks->previous
                    : symbol == 1 ? (blocks->type + 1) % blocks->types
                                  : symbol - 2;
    blocks->previous = blocks->type;
    blocks->type = type;
    blocks->left = read_block_count(b, blocks);
}

/* Section 7.3. */
static void
move_to_front(uint8_t *map, unsigned size)
{
    uint8_t list[MAX_TREES];
    for (unsigned i = 0; i < MAX_TREES; i++)
        list[i] = (uint8_t)i;
    for (unsigned i = 0; i < size; i++) {
        uint8_t index = map[i];
        uint8_t value = list[index];
        memmove(list + 1, list, index);
        list[0] = value;
        map[i] = value;
    }
}

static bool
read_map(struct vd_brotli *b, uint8_t *map, unsigned size, unsigned *trees)
{
    memset(map, 0, size);
    *trees = read_count(b);
    if (*trees < 2)
        return true;
    unsigned runs = read_bits(b, 1) == 1 ? read_bits(b, 4) + 1 : 0;
    if (!read_code(b, &b->scratch, b->scratch_symbols, *trees + runs))
        return false;
    for (unsigned i = 0; i < size;) {
        unsigned symbol = read_symbol(b, &b->scratch);
        if (is_past_end(b))
            return false;
        if (symbol > runs || symbol == 0) {
            map[i++] = (uint8_t)(symbol == 0 ? 0 : symbol - runs);
            continue;
        }
        uint32_t zeros = ((uint32_t)1 << symbol) + read_bits(b, symbol);
        if (zeros > size - i)
            return false;
        i += zeros;
    }
    if (read_bits(b, 1) == 1)
        move_to_front(map, size);
    return !is_past_end(b);
}

static bool
read_codes(struct vd_brotli *b, unsigned distance_trees)
{
    unsigned distances = 16 + b->direct + (48u << b->postfix);
    for (unsigned i = 0; i < b->literal_trees; i++) {
        if (!read_code(b, &b->codes[LITERAL][i], b->literal_symbols[i], LITERALS))
            return false;
    }
    for (unsigned i = 0; i < b->blocks[COMMAND].types; i++) {
        if (!read_code(b, &b->codes[COMMAND][i], b->command_symbols[i], COMMANDS))
            return false;
    }
    for (unsigned i = 0; i < distance_trees; i++) {
        if (!read_code(b, &b->codes[DISTANCE][i], b->distance_symbols[i], distances))
            return false;
    }
    return true;
}

static bool
read_compressed_header(struct vd_brotli *b)
{
    unsigned distance_trees;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        if (!read_blocks(b, &b->blocks[kind]))
            return false;
    }
    b->postfix = read_bits(b, 2);
    b->direct = read_bits(b, 4) << b->postfix;
    for (unsigned i = 0; i < b->blocks[LITERAL].types; i++)
        b->mode[i] = (uint8_t)read_bits(b, 2);
    return read_map(b, b->literal_map, 64 * b->blocks[LITERAL].types, &b->literal_trees) &&
           read_map(b, b->distance_map, 4 * b->blocks[DISTANCE].types, &distance_trees) &&
           read_codes(b, distance_trees);
}

/* Bytes that belong to nobody. */
static bool
skip_metadata(struct vd_brotli *b)
{
    if (read_bits(b, 1) != 0)
        return false;
    unsigned bytes = read_bits(b, 2);
    uint32_t len = 0;
    for (unsigned i = 0; i < bytes; i++) {
        uint32_t byte = read_bits(b, 8);
        if (byte == 0 && i + 1 == bytes && bytes > 1)
            return false;
        len |= byte << (8 * i);
    }
    len = bytes == 0 ? 0 : len + 1;
    if (!align(b) || is_past_end(b))
        return false;
    for (; len > 0 && !is_past_end(b); len--)
        read_bits(b, 8);
    return !is_past_end(b);
}

static bool
end_stream(struct vd_brotli *b)
{
    if (!align(b) || is_past_end(b))
        return false;
    b->state = ENDED;
    return true;
}

/* Section 9.2. */
static bool
read_meta_block(struct vd_brotli *b)
{
    if (b->last)
        return end_stream(b);
    b->last = read_bits(b, 1) == 1;
    if (b->last && read_bits(b, 1) == 1)
        return end_stream(b);
    unsigned nibbles = read_bits(b, 2) + 4;
    if (nibbles == 7)
        return skip_metadata(b);
    uint32_t len = 0;
    for (unsigned i = 0; i < nibbles; i++) {
        uint32_t nibble = read_bits(b, 4);
        if (nibble == 0 && i + 1 == nibbles && nibbles > 4)
            return false;
        len |= nibble << (4 * i);
    }
    b->left = len + 1;
    if (!b->last && read_bits(b, 1) == 1) {
        b->state = RAW;
        return align(b) && !is_past_end(b);
    }
    b->state = COMMAND_NEXT;
    return read_compressed_header(b) && !is_past_end(b);
}

/* --- commands --- */

static void
put(struct vd_brotli *b, uint8_t byte)
{
    b->ring[b->produced++ & MASK] = byte;
}

static uint8_t
back(const struct vd_brotli *b, uint64_t distance)
{
    return b->ring[(b->produced - distance) & MASK];
}

static bool
raw(struct vd_brotli *b)
{
    for (unsigned i = 0; i < CHUNK && b->left > 0; i++, b->left--) {
        uint8_t byte = (uint8_t)read_bits(b, 8);
        if (is_past_end(b))
            return false;
        put(b, byte);
    }
    if (b->left == 0)
        b->state = META_BLOCK;
    return true;
}

struct length {
    uint16_t base;
    uint8_t extra;
};
/* Section 5. */
static const struct length insert_lengths[24] = {
    {0, 0},   {1, 0},   {2, 0},   {3, 0},   {4, 0},     {5, 0},     {6, 1},     {8, 1},
    {10, 2},  {14, 2},  {18, 3},  {26, 3},  {34, 4},    {50, 4},    {66, 5},    {98, 5},
    {130, 6}, {194, 7}, {322, 8}, {578, 9}, {1090, 10}, {2114, 12}, {6210, 14}, {22594, 24}};
static const struct length copy_lengths[24] = {
    {2, 0},  {3, 0},   {4, 0},   {5, 0},   {6, 0},   {7, 0},   {8, 0},     {9, 0},
    {10, 1}, {12, 1},  {14, 2},  {18, 2},  {22, 3},  {30, 3},  {38, 4},    {54, 4},
    {70, 5}, {102, 5}, {134, 6}, {198, 7}, {326, 8}, {582, 9}, {1094, 10}, {2118, 24}};

static bool
read_command(struct vd_brotli *b)
{
    /* By the code's upper four bits: where its insert and copy codes begin. */
    static const uint8_t insert_base[11] = {0, 0, 0, 0, 8, 8, 0, 16, 8, 16, 16};
    static const uint8_t copy_base[11] = {0, 8, 0, 8, 0, 8, 16, 0, 16, 8, 16};
    struct blocks *blocks = &b->blocks[COMMAND];
    if (blocks->left == 0)
        next_block(b, blocks);
    blocks->left--;
    unsigned symbol = read_symbol(b, &b->codes[COMMAND][blocks->type]);
    const struct length *insert = &insert_lengths[insert_base[symbol >> 6] + (symbol >> 3 & 7)];
    const struct length *copy = &copy_lengths[copy_base[symbol >> 6] + (symbol & 7)];
    b->implicit_distance = symbol < 128;
    b->insert = insert->base + read_bits(b, insert->extra);
    b->copy = copy->base + read_bits(b, copy->extra);
    b->state = INSERT;
    return !is_past_end(b);
}

/* Section 7.1: context of UTF-8 from the last byte, and from the one before it. */
static const uint8_t utf8_last[256] = {
    0,  0,  0,  0,  0,  0,  0,  0,  0,  4,  4,  0,  0,  4,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
    0,  0,  0,  0,  0,  0,  0,  0,  8,  12, 16, 12, 12, 20, 12, 16, 24, 28, 12, 12, 32, 12, 36, 12,
    44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 32, 32, 24, 40, 28, 12, 12, 48, 52, 52, 52, 48, 52, 52,
    52, 48, 52, 52, 52, 52, 52, 48, 52, 52, 52, 52, 52, 48, 52, 52, 52, 52, 52, 24, 12, 28, 12, 12,
    12, 56, 60, 60, 60, 56, 60, 60, 60, 56, 60, 60, 60, 60, 60, 56, 60, 60, 60, 60, 60, 56, 60, 60,
    60, 60, 60, 24, 12, 28, 12, 0,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,
    0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,
    0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,  0,  1,
    2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,
    2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,
    2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3,  2,  3};

static unsigned
utf8_before(uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        return 3;
    if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 224)
        return 2;
    return c > ' ' && c < 127 ? 1 : 0;
}

static unsigned
signed_context(uint8_t c)
{
    if (c < 64)
        return c == 0 ? 0 : c < 16 ? 1 : 2;
    if (c < 192)
        return c < 128 ? 3 : 4;
    return c < 240 ? 5 : c < 255 ? 6 : 7;
}

static unsigned
literal_context(const struct vd_brotli *b, unsigned mode)
{
    uint8_t last = b->produced > 0 ? back(b, 1) : 0;
    uint8_t before = b->produced > 1 ? back(b, 2) : 0;
    switch (mode) {
    case 0:
        return last & 0x3f;
    case 1:
        return last >> 2;
    case 2:
        return utf8_last[last] | utf8_before(before);
    default:
        return signed_context(last) << 3 | signed_context(before);
    }
}

/* Literals of one block. */
static bool
read_literals(struct vd_brotli *b, uint32_t count)
{
    unsigned type = b->blocks[LITERAL].type;
    unsigned mode = b->mode[type];
    const uint8_t *map = b->literal_map + 64 * type;
    bool one_tree = b->literal_trees == 1;
    for (; count > 0; count--) {
        unsigned context = one_tree ? 0 : literal_context(b, mode);
        unsigned byte = read_symbol(b, &b->codes[LITERAL][map[context]]);
        if (is_past_end(b))
            return false;
        put(b, (uint8_t)byte);
    }
    return true;
}

static uint32_t
least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static bool
insert(struct vd_brotli *b)
{
    struct blocks *blocks = &b->blocks[LITERAL];
    if (b->insert > 0) {
        if (b->left == 0)
            return false;
        if (blocks->left == 0)
            next_block(b, blocks);
        uint32_t count = least(least(b->insert, CHUNK), least(b->left, blocks->left));
        blocks->left -= count;
        b->left -= count;
        b->insert -= count;
        if (!read_literals(b, count))
            return false;
    }
    if (b->insert == 0)
        b->state = b->left == 0 ? META_BLOCK : COPY;
    return true;
}

/* Section 4: one of the last four distances, or one near the last two. */
static int64_t
recent_distance(const struct vd_brotli *b, unsigned symbol)
{
    static const uint8_t which[16] = {0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
    static const int8_t plus[16] = {0, 0, 0, 0, -1, 1, -2, 2, -3, 3, -1, 1, -2, 2, -3, 3};
    return (int64_t)b->recent[(b->next_recent + 3 - which[symbol]) & 3] + plus[symbol];
}

static int64_t
long_distance(struct vd_brotli *b, unsigned symbol)
{
    if (symbol < 16 + b->direct)
        return (int64_t)symbol - 15;
    unsigned rest = symbol - b->direct - 16;
    unsigned high = rest >> b->postfix;
    unsigned low = rest & ((1u << b->postfix) - 1);
    unsigned bits = 1 + (high >> 1);
    uint64_t offset = ((uint64_t)(2 + (high & 1)) << bits) - 4;
    return (int64_t)(((offset + read_bits(b, bits)) << b->postfix) + low + b->direct + 1);
}

/* Section 4; *repeats: the last one again, which does not count as a new one. */
static int64_t
read_distance(struct vd_brotli *b, bool *repeats)
{
    struct blocks *blocks = &b->blocks[DISTANCE];
    *repeats = true;
    if (b->implicit_distance)
        return recent_distance(b, 0);
    if (blocks->left == 0)
        next_block(b, blocks);
    blocks->left--;
    unsigned context = b->copy > 4 ? 3 : b->copy - 2;
    unsigned tree = b->distance_map[4 * blocks->type + context];
    unsigned symbol = read_symbol(b, &b->codes[DISTANCE][tree]);
    *repeats = symbol == 0;
    return symbol < 16 ? recent_distance(b, symbol) : long_distance(b, symbol);
}

/* Section 8: a distance beyond the window names a word of the dictionary. */
static bool
begin_word(struct vd_brotli *b, uint64_t id)
{
    int len = vd_brotli_word(b->word, b->copy, id);
    if (len < 0 || (uint32_t)len > b->left)
        return false;
    b->word_len = (unsigned)len;
    b->word_at = 0;
    b->state = WORD;
    return true;
}

static bool
begin_copy(struct vd_brotli *b)
{
    bool repeats;
    int64_t distance = read_distance(b, &repeats);
    uint64_t farthest = b->produced < b->window ? b->produced : b->window;
    if (distance <= 0 || is_past_end(b))
        return false;
    if ((uint64_t)distance > farthest)
        return begin_word(b, (uint64_t)distance - farthest - 1);
    if (b->copy > b->left)
        return false;
    if (!repeats) {
        b->recent[b->next_recent] = (uint32_t)distance;
        b->next_recent = (b->next_recent + 1) & 3;
    }
    b->distance = (uint32_t)distance;
    return true;
}

static void
after_copy(struct vd_brotli *b)
{
    b->state = b->left == 0 ? META_BLOCK : COMMAND_NEXT;
}

/* Bytes from distance back, which may be among those that are written. */
static void
repeat(struct vd_brotli *b, uint32_t count)
{
    uint64_t to = b->produced & MASK;
    uint64_t from = (b->produced - b->distance) & MASK;
    if (to + count > WINDOW || from + count > WINDOW) {
        for (; count > 0; count--)
            put(b, back(b, b->distance));
        return;
    }
    b->produced += count;
    /* Older bytes at the ring's end, read before they are written over. */
    if (from > to) {
        memmove(b->ring + to, b->ring + from, count);
        return;
    }
    /* What lies between from and to repeats itself, and grows with every round. */
    while (count > 0) {
        uint32_t n = least(count, (uint32_t)(to - from));
        memcpy(b->ring + to, b->ring + from, n);
        to += n;
        count -= n;
    }
}

static bool
copy(struct vd_brotli *b)
{
    if (b->distance == 0 && !begin_copy(b))
        return false;
    if (b->state == WORD)
        return true;
    uint32_t count = least(b->copy, CHUNK);
    repeat(b, count);
    b->copy -= count;
    b->left -= count;
    if (b->copy == 0) {
        b->distance = 0;
        after_copy(b);
    }
    return true;
}

static bool
word(struct vd_brotli *b)
{
    for (unsigned i = 0; i < b->word_len; i++)
        put(b, b->word[i]);
    b->left -= b->word_len;
    after_copy(b);
    return true;
}

/* --- the face --- */

struct vd_brotli *
vd_brotli_init(void *memory, struct vd_slice input)
{
    struct vd_brotli *b = memory;
    b->in = input;
    b->at = 0;
    b->bits = 0;
    b->bit_count = 0;
    b->overrun = false;
    b->produced = 0;
    b->given = 0;
    b->state = HEADER;
    b->last = false;
    b->left = 0;
    b->distance = 0;
    b->recent[0] = 16;
    b->recent[1] = 15;
    b->recent[2] = 11;
    b->recent[3] = 4;
    b->next_recent = 0;
    return b;
}

/* A piece of work that makes at most CHUNK bytes; false: the stream is malformed. */
static bool
advance(struct vd_brotli *b)
{
    switch (b->state) {
    case HEADER:
        b->state = META_BLOCK;
        return read_window(b);
    case META_BLOCK:
        return read_meta_block(b);
    case RAW:
        return raw(b);
    case COMMAND_NEXT:
        return read_command(b);
    case INSERT:
        return insert(b);
    case COPY:
        return copy(b);
    case WORD:
        return word(b);
    case ENDED:
    case FAILED:
        return true;
    }
    return false;
}

/* As many bytes as stand in one piece. */
static void
give(struct vd_brotli *b, uint8_t *out, size_t cap, size_t *len)
{
    uint64_t at = b->given & MASK;
    uint64_t count = b->produced - b->given;
    count = count < WINDOW - at ? count : WINDOW - at;
    count = count < cap - *len ? count : cap - *len;
    memcpy(out + *len, b->ring + at, (size_t)count);
    *len += (size_t)count;
    b->given += count;
}

enum vd_brotli_status
vd_brotli_read(struct vd_brotli *b, uint8_t *out, size_t cap, size_t *len)
{
    *len = 0;
    for (;;) {
        while (*len < cap && b->given < b->produced)
            give(b, out, cap, len);
        if (b->given < b->produced || (*len == cap && cap > 0 && b->state < ENDED))
            return VD_BROTLI_MORE;
        if (b->state == ENDED)
            return VD_BROTLI_END;
        if (b->state == FAILED)
            return VD_BROTLI_BAD;
        while (b->state < ENDED && b->produced - b->given < CHUNK) {
            if (!advance(b))
                b->state = FAILED;
        }
    }
}
