/* Reading a small file that holds a secret: a plain key, a password. */
#ifndef VIADUCT_NODE_PLATFORM_SECRET_FILE_H
#define VIADUCT_NODE_PLATFORM_SECRET_FILE_H

#include "viaduct/core/base/bytes.h"

/* vd_secret_file_read reads the whole file at path into out, which the caller keeps in locked
   memory with room for max bytes and wipes.  It must be a regular file or a pipe, of mode 0600 or
   less, that belongs to the user.  what names its kind in messages ("key file").  On failure why
   (of why_size bytes) says what is wrong, with which file, and what to do.  VD_ERR_NOT_FOUND,
   VD_ERR_REFUSED (kind, mode, owner), VD_ERR_TOO_LARGE, VD_ERR_IO. */
VD_MUST_USE enum vd_err vd_secret_file_read(uint8_t *out, size_t *len, size_t max, char *why,
                                            size_t why_size, const char *what, const char *path);

#endif
