/* Inflate, resumable where the output is full (the input is always whole).

   Which bytes come out before an error is consensus: batches that end before it count.  The
   reference is Go's compress/flate and compress/zlib, which op-node reads channels with.  Where RFC
   1951 leaves room this file does as they do:
   - a code must be complete, except for a single code of one bit; a missing code fails when used;
   - at most 286 literal and 30 distance codes may be declared; 286, 287 and distances 30, 31 fail
     when used;
   - a literal/length symbol is read only while as many bits are left as the end-of-block code
     has, or the shortest code when there is none: cut-off input ends there;
   - of a stored block that is cut off, what is there counts;
   - a distance may reach back 32 KiB whatever window the header announces.

   Output goes through a ring of 32 KiB that is also the history.  The three counters (made, summed
   into the checksum, delivered) never wrap: a channel has at most 100,000,000 bytes out, a caller
   without a limit would need 2^64. */
#include "viaduct/core/codec/inflate.h"

enum {
    VD_WINDOW = 1 << 15,
    VD_MAX_MATCH = 258,
    VD_MAX_BITS = 15,
    VD_LITERAL_BITS = 10, /* width of the first table */
    VD_DISTANCE_BITS = 8,
    VD_LITERAL_CODES = 288,
    VD_DISTANCE_CODES = 32,
    VD_MAX_DECLARED_LITERALS = 286,
    VD_MAX_DECLARED_DISTANCES = 30,
    VD_CODE_LENGTH_CODES = 19,
    VD_END_OF_BLOCK = 256,
    VD_ADLER_BASE = 65521,
    VD_ADLER_RUN = 5552, /* the most bytes whose sums fit 32 bits (RFC 1950, section 9) */
};

enum state {
    VD_STATE_BLOCK,   /* before a block's header */
    VD_STATE_STORED,  /* stored_left bytes are to be copied */
    VD_STATE_HUFFMAN, /* between two symbols */
    VD_STATE_TRAILER, /* before the checksum */
    VD_STATE_END,
    VD_STATE_BAD,
};

/* A canonical Huffman code.  table answers codes of up to table_bits bits with symbol << 4 |
   length; 0 there means that the code is longer, or no code.  It is no wider than the longest.
   Longer ones are found by their length: count[n] codes of n bits, their symbols in order. */
struct huffman {
    uint16_t *table;
    uint16_t *symbols;
    unsigned widest; /* the most bits that there is room for */
    unsigned table_bits;
    unsigned mask; /* of table_bits bits */
    unsigned min_bits;
    uint16_t count[VD_MAX_BITS + 1];
};

struct code_pair {
    struct huffman literal;
    struct huffman distance;
    uint16_t literal_table[1 << VD_LITERAL_BITS];
    uint16_t distance_table[1 << VD_DISTANCE_BITS];
    uint16_t literal_symbols[VD_LITERAL_CODES];
    uint16_t distance_symbols[VD_DISTANCE_CODES];
};

struct input {
    const uint8_t *next;
    const uint8_t *end;
    uint64_t bits; /* the next bit lowest; zero above bit_count */
    unsigned bit_count;
};

struct vd_inflate {
    struct input in;
    enum state state;
    bool final_block;
    uint32_t stored_left;
    uint64_t made;
    uint64_t summed;
    uint64_t delivered;
    uint32_t adler_a;
    uint32_t adler_b;
    const struct code_pair *codes; /* of the block in hand */
    bool has_fixed;
    struct code_pair fixed; /* made for the first block that wants them */
    struct code_pair dynamic;
    uint8_t window[VD_WINDOW];
};

size_t
vd_inflate_size(void)
{
    return sizeof(struct vd_inflate);
}

/* Input.  After refill there are at least as many bits as a literal or a match wants at once, or
   all that are left.  What follows a length symbol are an extra field, a code and another field, of
   at most 5 + 15 + 13 bits. */
enum { VD_SYMBOL_BITS = VD_MAX_BITS, VD_MATCH_BITS = 33 };

static inline void
refill(struct input *in, unsigned want)
{
    if (in->bit_count >= want)
        return;
    if (in->end - in->next >= 8) {
        uint64_t word = vd_load_le64(in->next);
        unsigned bytes = (63 - in->bit_count) / 8;
        in->bits |= (word & (~(uint64_t)0 >> (64 - 8 * bytes))) << in->bit_count;
        in->next += bytes;
        in->bit_count += 8 * bytes;
        return;
    }
    while (in->bit_count <= 48 && in->next < in->end) {
        in->bits |= (uint64_t)*in->next++ << in->bit_count;
        in->bit_count += 8;
    }
}

/* Takes n bits, at most 16, that a refill has provided; false when the input ends before. */
static inline bool
take_ready_bits(struct input *in, unsigned *value, unsigned n)
{
    if (n > in->bit_count)
        return false;
    *value = (unsigned)(in->bits & (((uint64_t)1 << n) - 1));
    in->bits >>= n;
    in->bit_count -= n;
    return true;
}

static bool
take_bits(struct input *in, unsigned *value, unsigned n)
{
    refill(in, n);
    return take_ready_bits(in, value, n);
}

/* Drops the rest of the current byte and gives the read-ahead back. */
static void
align_to_byte(struct input *in)
{
    if (in->bit_count >= 8)
        in->next -= in->bit_count / 8;
    in->bits = 0;
    in->bit_count = 0;
}

/* Huffman codes. */

static unsigned
reverse_bits(unsigned code, unsigned n)
{
    unsigned out = 0;
    for (unsigned i = 0; i < n; i++)
        out |= (code >> i & 1) << (n - 1 - i);
    return out;
}

/* Counts the lengths.  False when the code is over-subscribed or incomplete, but for the two that
   Go's reader lets pass: no code at all, and one code of one bit. */
static bool
count_lengths(struct huffman *h, const uint8_t *lengths, unsigned n)
{
    for (unsigned i = 0; i <= VD_MAX_BITS; i++)
        h->count[i] = 0;
    for (unsigned i = 0; i < n; i++)
        h->count[lengths[i]]++;
    h->count[0] = 0;
    h->min_bits = 0;
    unsigned max = 0;
    unsigned used = 0; /* of the 2^15 codes of 15 bits */
    for (unsigned i = 1; i <= VD_MAX_BITS; i++) {
        if (h->count[i] == 0)
            continue;
        if (h->min_bits == 0)
            h->min_bits = i;
        max = i;
        used += (unsigned)h->count[i] << (VD_MAX_BITS - i);
    }
    h->table_bits = max < h->widest ? max : h->widest;
    h->mask = (1U << h->table_bits) - 1;
    if (max == 0 || (max == 1 && h->count[1] == 1))
        return true;
    return used == 1 << VD_MAX_BITS;
}

/* Builds h from the lengths of n codes (RFC 1951, section 3.2.2); false when they make no code. */
static bool
build_huffman(struct huffman *h, const uint8_t *lengths, unsigned n)
{
    uint16_t code[VD_MAX_BITS + 1];
    uint16_t place[VD_MAX_BITS + 1];
    if (!count_lengths(h, lengths, n))
        return false;
    code[0] = 0;
    place[0] = 0;
    for (unsigned i = 1; i <= VD_MAX_BITS; i++) {
        code[i] = (uint16_t)((code[i - 1] + h->count[i - 1]) << 1);
        place[i] = (uint16_t)(place[i - 1] + h->count[i - 1]);
    }
    unsigned size = 1U << h->table_bits;
    memset(h->table, 0, size * sizeof *h->table);
    for (unsigned symbol = 0; symbol < n; symbol++) {
        unsigned len = lengths[symbol];
        if (len == 0)
            continue;
        h->symbols[place[len]++] = (uint16_t)symbol;
        unsigned this_code = code[len]++;
        if (len > h->table_bits)
            continue;
        for (unsigned i = reverse_bits(this_code, len); i < size; i += 1U << len)
            h->table[i] = (uint16_t)(symbol << 4 | len);
    }
    return true;
}

/* Finds a code longer than the table is wide, bit by bit: among the codes of each length the first
   one follows from the counts.  Returns symbol << 4 | length, 0 for none. */
static unsigned
find_long(const struct huffman *h, uint64_t bits)
{
    unsigned code = 0;
    unsigned first = 0;
    unsigned place = 0;
    for (unsigned len = 1; len <= VD_MAX_BITS; len++) {
        code |= (unsigned)(bits & 1);
        bits >>= 1;
        unsigned count = h->count[len];
        if (code < first + count)
            return (unsigned)h->symbols[place + code - first] << 4 | len;
        place += count;
        first = (first + count) << 1;
        code <<= 1;
    }
    return 0;
}

/* Reads a symbol from bits that refill has provided; false when it is no code or cut off. */
static inline bool
take_symbol(struct input *in, const struct huffman *h, unsigned *symbol)
{
    unsigned entry = h->table[in->bits & h->mask];
    if (__builtin_expect(entry == 0, 0))
        entry = find_long(h, in->bits);
    unsigned len = entry & 15;
    if (len == 0 || len > in->bit_count || h->min_bits > in->bit_count)
        return false;
    in->bits >>= len;
    in->bit_count -= len;
    *symbol = entry >> 4;
    return true;
}

/* Blocks. */

static bool
start_fixed(struct vd_inflate *z)
{
    uint8_t lengths[VD_LITERAL_CODES];
    z->codes = &z->fixed;
    if (z->has_fixed)
        return true;
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    z->has_fixed = build_huffman(&z->fixed.literal, lengths, VD_LITERAL_CODES);
    memset(lengths, 5, VD_DISTANCE_CODES);
    return build_huffman(&z->fixed.distance, lengths, VD_DISTANCE_CODES) && z->has_fixed;
}

/* Reads the code of the code lengths into the distances', which are free at this point. */
static bool
read_code_length_code(struct vd_inflate *z, unsigned n)
{
    static const uint8_t order[VD_CODE_LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                        11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[VD_CODE_LENGTH_CODES] = {0};
    for (unsigned i = 0; i < n; i++) {
        unsigned len;
        if (!take_bits(&z->in, &len, 3))
            return false;
        lengths[order[i]] = (uint8_t)len;
    }
    return build_huffman(&z->dynamic.distance, lengths, VD_CODE_LENGTH_CODES);
}

/* Reads one symbol of the code lengths: how often which length is to be written. */
static bool
take_run(struct vd_inflate *z, unsigned *count, uint8_t *len, bool first, uint8_t last)
{
    unsigned symbol;
    unsigned extra = 0;
    refill(&z->in, VD_SYMBOL_BITS);
    if (!take_symbol(&z->in, &z->dynamic.distance, &symbol))
        return false;
    *count = 1;
    *len = (uint8_t)symbol;
    if (symbol < 16)
        return true;
    *len = symbol == 16 ? last : 0;
    if (symbol == 16 && first)
        return false;
    if (!take_bits(&z->in, &extra, symbol == 16 ? 2 : symbol == 17 ? 3 : 7))
        return false;
    *count = (symbol == 18 ? 11 : 3) + extra;
    return true;
}

static bool
start_dynamic(struct vd_inflate *z)
{
    uint8_t lengths[VD_MAX_DECLARED_LITERALS + VD_MAX_DECLARED_DISTANCES];
    unsigned literals;
    unsigned distances;
    unsigned code_lengths;
    if (!take_bits(&z->in, &literals, 5) || !take_bits(&z->in, &distances, 5) ||
        !take_bits(&z->in, &code_lengths, 4))
        return false;
    literals += 257;
    distances += 1;
    if (literals > VD_MAX_DECLARED_LITERALS || distances > VD_MAX_DECLARED_DISTANCES ||
        !read_code_length_code(z, code_lengths + 4))
        return false;
    for (unsigned i = 0; i < literals + distances;) {
        unsigned count;
        uint8_t len;
        if (!take_run(z, &count, &len, i == 0, i == 0 ? 0 : lengths[i - 1]) ||
            count > literals + distances - i)
            return false;
        memset(lengths + i, len, count);
        i += count;
    }
    struct huffman *literal = &z->dynamic.literal;
    if (!build_huffman(literal, lengths, literals) ||
        !build_huffman(&z->dynamic.distance, lengths + literals, distances))
        return false;
    if (literal->min_bits < lengths[VD_END_OF_BLOCK])
        literal->min_bits = lengths[VD_END_OF_BLOCK];
    z->codes = &z->dynamic;
    return true;
}

static bool
start_stored(struct vd_inflate *z)
{
    struct input *in = &z->in;
    align_to_byte(in);
    if (in->end - in->next < 4)
        return false;
    unsigned len = in->next[0] | (unsigned)in->next[1] << 8;
    unsigned complement = in->next[2] | (unsigned)in->next[3] << 8;
    in->next += 4;
    z->stored_left = len;
    return (len ^ complement) == 0xffff;
}

/* Reads a block's header; the state that follows it. */
static enum state
start_block(struct vd_inflate *z)
{
    unsigned header;
    if (z->final_block)
        return VD_STATE_TRAILER;
    if (!take_bits(&z->in, &header, 3))
        return VD_STATE_BAD;
    z->final_block = (header & 1) != 0;
    switch (header >> 1) {
    case 0:
        return start_stored(z) ? VD_STATE_STORED : VD_STATE_BAD;
    case 1:
        return start_fixed(z) ? VD_STATE_HUFFMAN : VD_STATE_BAD;
    case 2:
        return start_dynamic(z) ? VD_STATE_HUFFMAN : VD_STATE_BAD;
    default:
        return VD_STATE_BAD;
    }
}

/* Output. */

static size_t
room(const struct vd_inflate *z)
{
    return VD_WINDOW - (size_t)(z->made - z->delivered);
}

static enum state
copy_stored(struct vd_inflate *z)
{
    size_t at = (size_t)(z->made % VD_WINDOW);
    size_t n = z->stored_left;
    size_t left = (size_t)(z->in.end - z->in.next);
    if (left == 0 && n != 0)
        return VD_STATE_BAD;
    if (n > left)
        n = left;
    if (n > room(z))
        n = room(z);
    if (n > VD_WINDOW - at)
        n = VD_WINDOW - at;
    if (n != 0)
        memcpy(z->window + at, z->in.next, n);
    z->in.next += n;
    z->made += n;
    z->stored_left -= (uint32_t)n;
    return z->stored_left == 0 ? VD_STATE_BLOCK : VD_STATE_STORED;
}

/* Repeats len bytes from distance back.  Source and destination may overlap, and a byte written
   is read again then. */
static inline void
copy_match(struct vd_inflate *z, unsigned len, unsigned distance)
{
    size_t to = (size_t)(z->made % VD_WINDOW);
    size_t from = (size_t)((z->made - distance) % VD_WINDOW);
    z->made += len;
    if (to + len <= VD_WINDOW && from + len <= VD_WINDOW) {
        uint8_t *dst = z->window + to;
        const uint8_t *src = z->window + from;
        for (; distance >= 8 && len >= 8; len -= 8, dst += 8, src += 8)
            vd_store_le64(dst, vd_load_le64(src));
        while (len-- > 0)
            *dst++ = *src++;
        return;
    }
    for (unsigned i = 0; i < len; i++)
        z->window[(to + i) % VD_WINDOW] = z->window[(from + i) % VD_WINDOW];
}

/* RFC 1951, section 3.2.5: base value and extra bits of length codes 257.. and distance codes. */
static const uint16_t length_base[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                         15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                         67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                         2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t distance_base[30] = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
static const uint8_t distance_extra[30] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                           6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

/* Reads what follows a length symbol. */
static inline bool
read_match(struct input *in, const struct code_pair *codes, unsigned symbol, unsigned *len,
           unsigned *distance)
{
    unsigned len_code = symbol - VD_END_OF_BLOCK - 1;
    unsigned code;
    unsigned extra;
    refill(in, VD_MATCH_BITS);
    if (len_code >= sizeof length_extra || !take_ready_bits(in, &extra, length_extra[len_code]))
        return false;
    *len = length_base[len_code] + extra;
    if (!take_symbol(in, &codes->distance, &code) || code >= VD_MAX_DECLARED_DISTANCES ||
        !take_ready_bits(in, &extra, distance_extra[code]))
        return false;
    *distance = distance_base[code] + extra;
    return true;
}

/* Literals up to the next symbol that is none; false when that cannot be read.  *symbol is a
   literal where the ring has no room for more than a match. */
static inline bool
take_literals(struct vd_inflate *z, struct input *in, unsigned *symbol)
{
    const struct huffman h = z->codes->literal;
    uint64_t made = z->made;
    const uint64_t end = z->delivered + VD_WINDOW - VD_MAX_MATCH + 1;
    bool ok;
    do {
        refill(in, VD_SYMBOL_BITS);
        ok = take_symbol(in, &h, symbol);
        if (!ok || *symbol >= VD_END_OF_BLOCK)
            break;
        z->window[made++ % VD_WINDOW] = (uint8_t)*symbol;
    } while (made < end);
    z->made = made;
    return ok;
}

/* Decodes symbols until the block ends or a match might not fit the ring.  The bits in hand are
   copied, so that they stay in registers while bytes are written. */
static enum state
decode_huffman(struct vd_inflate *z)
{
    struct input in = z->in;
    enum state state = VD_STATE_HUFFMAN;
    while (state == VD_STATE_HUFFMAN && room(z) >= VD_MAX_MATCH) {
        unsigned symbol;
        unsigned len;
        unsigned distance;
        if (!take_literals(z, &in, &symbol))
            state = VD_STATE_BAD;
        else if (symbol == VD_END_OF_BLOCK)
            state = VD_STATE_BLOCK;
        else if (symbol > VD_END_OF_BLOCK &&
                 (!read_match(&in, z->codes, symbol, &len, &distance) || distance > z->made))
            state = VD_STATE_BAD;
        else if (symbol > VD_END_OF_BLOCK)
            copy_match(z, len, distance);
    }
    z->in = in;
    return state;
}

/* Adds the bytes made since the last call to the Adler-32 checksum. */
static void
sum_made(struct vd_inflate *z)
{
    while (z->summed < z->made) {
        size_t at = (size_t)(z->summed % VD_WINDOW);
        size_t n = (size_t)(z->made - z->summed);
        if (n > VD_ADLER_RUN)
            n = VD_ADLER_RUN;
        if (n > VD_WINDOW - at)
            n = VD_WINDOW - at;
        uint32_t a = z->adler_a;
        uint32_t b = z->adler_b;
        for (size_t i = 0; i < n; i++) {
            a += z->window[at + i];
            b += a;
        }
        z->adler_a = a % VD_ADLER_BASE;
        z->adler_b = b % VD_ADLER_BASE;
        z->summed += n;
    }
}

static enum state
check_trailer(struct vd_inflate *z)
{
    const struct input *in = &z->in;
    align_to_byte(&z->in);
    sum_made(z);
    bool right =
        in->end - in->next >= 4 && vd_load_be32(in->next) == (z->adler_b << 16 | z->adler_a);
    return right ? VD_STATE_END : VD_STATE_BAD;
}

/* Fills the empty ring as far as it goes. */
static void
fill_window(struct vd_inflate *z)
{
    while (room(z) >= VD_MAX_MATCH) {
        switch (z->state) {
        case VD_STATE_BLOCK:
            z->state = start_block(z);
            break;
        case VD_STATE_STORED:
            z->state = copy_stored(z);
            break;
        case VD_STATE_HUFFMAN:
            z->state = decode_huffman(z);
            break;
        case VD_STATE_TRAILER:
            z->state = check_trailer(z);
            break;
        case VD_STATE_END:
        case VD_STATE_BAD:
            return;
        }
    }
    sum_made(z);
}

/* RFC 1950, section 2.2: deflate, a window of at most 32 KiB, the header a multiple of 31. */
static bool
read_header(struct input *in)
{
    const uint8_t *p = in->next;
    if (in->end - p < 2 || (p[0] & 15) != 8 || p[0] >> 4 > 7 || vd_load_be16(p) % 31 != 0)
        return false;
    in->next += 2;
    if ((p[1] & 0x20) == 0)
        return true;
    /* A dictionary is named by its checksum; 1 is that of no bytes, the one that Go's reader
       has. */
    if (in->end - in->next < 4 || vd_load_be32(in->next) != 1)
        return false;
    in->next += 4;
    return true;
}

static void
init_codes(struct code_pair *codes)
{
    codes->literal = (struct huffman){.table = codes->literal_table,
                                      .symbols = codes->literal_symbols,
                                      .widest = VD_LITERAL_BITS};
    codes->distance = (struct huffman){.table = codes->distance_table,
                                       .symbols = codes->distance_symbols,
                                       .widest = VD_DISTANCE_BITS};
}

struct vd_inflate *
vd_inflate_init(void *memory, struct vd_slice input)
{
    struct vd_inflate *z = memory;
    const uint8_t *end = input.len == 0 ? input.ptr : input.ptr + input.len;
    z->in = (struct input){.next = input.ptr, .end = end};
    z->final_block = false;
    z->stored_left = 0;
    z->made = 0;
    z->summed = 0;
    z->delivered = 0;
    z->adler_a = 1;
    z->adler_b = 0;
    z->has_fixed = false;
    init_codes(&z->fixed);
    init_codes(&z->dynamic);
    z->state = read_header(&z->in) ? VD_STATE_BLOCK : VD_STATE_BAD;
    return z;
}

/* Moves up to cap bytes out of the ring. */
static size_t
deliver(struct vd_inflate *z, uint8_t *out, size_t cap)
{
    size_t at = (size_t)(z->delivered % VD_WINDOW);
    size_t n = (size_t)(z->made - z->delivered);
    if (n > cap)
        n = cap;
    if (n > VD_WINDOW - at)
        n = VD_WINDOW - at;
    if (n != 0)
        memcpy(out, z->window + at, n);
    z->delivered += n;
    return n;
}

enum vd_inflate_status
vd_inflate_read(struct vd_inflate *z, uint8_t *out, size_t cap, size_t *len)
{
    *len = 0;
    for (;;) {
        while (z->made != z->delivered && *len < cap)
            *len += deliver(z, out + *len, cap - *len);
        if (z->made != z->delivered)
            return VD_INFLATE_MORE;
        if (z->state == VD_STATE_END)
            return VD_INFLATE_END;
        if (z->state == VD_STATE_BAD)
            return VD_INFLATE_BAD;
        if (*len == cap)
            return VD_INFLATE_MORE;
        fill_window(z);
    }
}
