/* Writing calls of contracts: the ABI of Solidity (Contract ABI Specification) for what the
   program itself sends and asks.  Everything is a sequence of 32-byte words in a struct vd_buf,
   whose failure is sticky; dynamic values are written by hand where one occurs. */
#ifndef VIADUCT_NODE_APP_WORDS_H
#define VIADUCT_NODE_APP_WORDS_H

#include "viaduct/core/base/buf.h"
#include "viaduct/core/base/u256.h"

/* The first four bytes of the hash of a signature such as "transfer(address,uint256)". */
void vd_words_selector(struct vd_buf *out, const char *signature);

void vd_words_u64(struct vd_buf *out, uint64_t value);
void vd_words_u256(struct vd_buf *out, const struct vd_u256 *value);
void vd_words_address(struct vd_buf *out, const struct vd_address *value);
void vd_words_word(struct vd_buf *out, const struct vd_hash *value);
/* length and bytes, padded to whole words: the tail of a dynamic value. */
void vd_words_tail(struct vd_buf *out, struct vd_slice bytes);

#endif
