#include "viaduct/core/base/err.h"

const char *
vd_err_text(enum vd_err err)
{
    switch (err) {
#define X(name, text) \
    case VD_##name:   \
        return text;
        VD_ERR_LIST(X)
#undef X
    }
    return "unknown error";
}
