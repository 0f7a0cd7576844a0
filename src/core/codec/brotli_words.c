/* RFC 7932, section 8 and appendices A and B. */
#include "core/codec/brotli_words.h"

#define MIN_LENGTH 4u
#define MAX_LENGTH 24u

static const uint8_t words[] = {
#include "core/codec/brotli_dictionary.inc"
};
_Static_assert(sizeof words == 122784, "RFC 7932, appendix A");

/* Of so many bits are the numbers of words of each length. */
static const uint8_t number_bits[MAX_LENGTH + 1] = {0, 0, 0, 0, 10, 10, 11, 11, 10, 10, 10, 10, 10,
                                                    9, 9, 8, 7, 7,  8,  7,  7,  6,  6,  5,  5};

struct transform {
    const char *prefix;
    uint8_t operation;
    const char *suffix;
};
static const struct transform transforms[] = {
#include "core/codec/brotli_transforms.inc"
};
#define TRANSFORMS (sizeof transforms / sizeof transforms[0])

enum {
    OMIT_LAST = 0, /* and so many bytes */
    UPPER_FIRST = 10,
    UPPER_ALL = 11,
    OMIT_FIRST = 11, /* and so many bytes */
};

static size_t
word_offset(unsigned length)
{
    size_t offset = 0;
    for (unsigned i = MIN_LENGTH; i < length; i++)
        offset += (size_t)i << number_bits[i];
    return offset;
}

static unsigned
append(uint8_t *out, unsigned len, const char *text)
{
    while (*text != '\0')
        out[len++] = (uint8_t)*text++;
    return len;
}

/* The RFC's upper case: of ASCII letters, and a guess at that of UTF-8 sequences.  Returns how far
   the letter goes. */
static unsigned
to_upper(uint8_t *p, unsigned left)
{
    if (p[0] < 0xc0) {
        if (p[0] >= 'a' && p[0] <= 'z')
            p[0] ^= 32;
        return 1;
    }
    if (p[0] < 0xe0) {
        if (left > 1)
            p[1] ^= 32;
        return 2;
    }
    if (left > 2)
        p[2] ^= 5;
    return 3;
}

static void
upper_all(uint8_t *p, unsigned left)
{
    while (left > 0) {
        unsigned step = to_upper(p, left);
        step = step < left ? step : left;
        p += step;
        left -= step;
    }
}

int
vd_brotli_word(uint8_t out[VD_BROTLI_MAX_WORD], unsigned length, uint64_t id)
{
    if (length < MIN_LENGTH || length > MAX_LENGTH)
        return -1;
    unsigned bits = number_bits[length];
    if (id >> bits >= TRANSFORMS)
        return -1;
    const struct transform *t = &transforms[id >> bits];
    const uint8_t *word =
        words + word_offset(length) + (size_t)length * (id & (((uint64_t)1 << bits) - 1));
    unsigned skip = t->operation > OMIT_FIRST ? t->operation - (unsigned)OMIT_FIRST : 0;
    unsigned cut = t->operation < UPPER_FIRST ? t->operation - (unsigned)OMIT_LAST : 0;
    unsigned kept = skip + cut < length ? length - skip - cut : 0;
    unsigned len = append(out, 0, t->prefix);
    memcpy(out + len, word + (kept != 0 ? skip : 0), kept);
    if (t->operation == UPPER_FIRST && kept != 0)
        to_upper(out + len, kept);
    if (t->operation == UPPER_ALL)
        upper_all(out + len, kept);
    return (int)append(out, len + kept, t->suffix);
}
