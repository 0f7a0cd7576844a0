/* What can go wrong with the world: I/O, memory, a peer, bytes that do not parse.

   vd has three kinds of failure and never mixes them.  A bug of ours stops the process
   (VD_ASSERT).  A failure of the world is an enum vd_err, in a variable named err.  A verdict of
   the protocol (revert, invalid block, dropped batch) is an enum of its own in a result struct. */
#ifndef VIADUCT_CORE_BASE_ERR_H
#define VIADUCT_CORE_BASE_ERR_H

#define VD_MUST_USE __attribute__((warn_unused_result))

/* X(name, text): the codes and their texts. */
#define VD_ERR_LIST(X)                                                  \
    X(OK, "ok")                                                         \
    X(ERR_NO_MEMORY, "out of memory")                                   \
    X(ERR_NOT_FOUND, "not found")                                       \
    X(ERR_INVALID, "malformed input")                                   \
    X(ERR_CORRUPT, "stored data does not match its hash or its layout") \
    X(ERR_MISMATCH, "not the thing that was expected")                  \
    X(ERR_UNSUPPORTED, "this build does not know the rule")             \
    X(ERR_TOO_LARGE, "over a stated limit")                             \
    X(ERR_EXISTS, "exists already")                                     \
    X(ERR_FULL, "no space left")                                        \
    X(ERR_IO, "input or output failed")                                 \
    X(ERR_TIMEOUT, "timed out")                                         \
    X(ERR_REFUSED, "refused by the peer")                               \
    X(ERR_CLOSED, "closed")                                             \
    X(ERR_BUSY, "busy")

enum vd_err {
#define X(name, text) VD_##name,
    VD_ERR_LIST(X)
#undef X
};

/* vd_err_text returns a static English text for err. */
const char *vd_err_text(enum vd_err err);

/* VD_ASSERT stops the process, in release builds too, when our own code is wrong.  It is never
   reachable by anybody's input. */
void vd_assert_failed(const char *expression, const char *file, int line)
    __attribute__((noreturn, cold));
#define VD_ASSERT(expression) \
    ((expression) ? (void)0 : vd_assert_failed(#expression, __FILE__, __LINE__))

#endif
