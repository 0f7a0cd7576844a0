/* The static dictionary of brotli and its transforms. */
#ifndef VIADUCT_CORE_CODEC_BROTLI_WORDS_H
#define VIADUCT_CORE_CODEC_BROTLI_WORDS_H

#include "viaduct/core/base/bytes.h"

/* Longest word, prefix and suffix together. */
#define VD_BROTLI_MAX_WORD 64u

/* Writes word number id among those of length bytes, transformed, and returns its length; -1 when
   there is no such word. */
int vd_brotli_word(uint8_t out[VD_BROTLI_MAX_WORD], unsigned length, uint64_t id);

#endif
