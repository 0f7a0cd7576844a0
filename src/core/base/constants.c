#include "viaduct/core/base/constants.h"

#define BE4(w)                                                                            \
    (uint8_t)((w) >> 24 & 0xff), (uint8_t)((w) >> 16 & 0xff), (uint8_t)((w) >> 8 & 0xff), \
        (uint8_t)((w)&0xff)
#define BE8(w) BE4((uint64_t)(w) >> 32), BE4((uint64_t)(w))

#define ADDRESS(name, a, b, c, text) const struct vd_address VD_##name = {{BE4(a), BE8(b), BE8(c)}};
#define NUMBER(type, name, value, text)
#define SELECTOR(name, value, signature)
#define TOPIC(name, a, b, c, d, signature) \
    const struct vd_hash VD_TOPIC_##name = {{BE8(a), BE8(b), BE8(c), BE8(d)}};
#define SLOT(name, a, b, c, d, label) \
    const struct vd_hash VD_SLOT_##name = {{BE8(a), BE8(b), BE8(c), BE8(d)}};
#include "viaduct/core/base/constants.def"
