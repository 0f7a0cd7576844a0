/* Passwords of keystore files: out of a file, or typed on the terminal without being shown.  Never
   from the command line or the environment, where other users can read them. */
#ifndef VIADUCT_NODE_APP_PASSWORD_H
#define VIADUCT_NODE_APP_PASSWORD_H

#include "viaduct/core/base/bytes.h"

/* Bytes. */
#define VD_PASSWORD_MAX 1024u

/* In locked memory; zero: none. */
struct vd_password {
    uint8_t *text;
    size_t len;
};

static inline struct vd_slice
vd_password_view(const struct vd_password *password)
{
    return vd_slice(password->text, password->len);
}

/* Each fills *password, which the caller ends with vd_password_deinit in either case; false: error
   says what is wrong and what to do.

   From a file of one line, mode 0600; the line end does not count. */
bool vd_password_read(struct vd_password *password, const char *path, char *error,
                      size_t error_len);
/* From the terminal, once.  prompt ends with a colon. */
bool vd_password_ask(struct vd_password *password, const char *prompt, char *error,
                     size_t error_len);
/* For a new keystore: from the file at path, or, when path is NULL, twice from the terminal.  An
   empty one is refused. */
bool vd_password_new(struct vd_password *password, const char *path, char *error, size_t error_len);

/* Wipes it. */
void vd_password_deinit(struct vd_password *password);

#endif
