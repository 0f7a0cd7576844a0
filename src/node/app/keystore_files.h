/* Keystore files on disk, in a folder that geth could share: their names, reading and finding them,
   and writing new ones so that none is ever half there or written over. */
#ifndef VIADUCT_NODE_APP_KEYSTORE_FILES_H
#define VIADUCT_NODE_APP_KEYSTORE_FILES_H

#include "viaduct/core/base/bytes.h"

#define VD_KEYSTORE_PATH_MAX 4096u
/* Entries of one folder. */
#define VD_KEYSTORE_FILES_MAX 10000u

/* vd_keystore_file_read reads a file's text into malloc'd memory, which the caller frees. */
bool vd_keystore_file_read(char **text, size_t *len, const char *path, char *error,
                           size_t error_len);

/* vd_keystore_folder_each calls fn for each keystore file of the folder, in the order of their
   names, which is that of their making.  address is NULL for one that states none.  Other files are
   passed over; hidden ones are not looked at.  It ends early when fn gives false. */
typedef bool (*vd_keystore_file_fn)(void *ctx, const char *path, const struct vd_address *address);
bool vd_keystore_folder_each(const char *folder, vd_keystore_file_fn fn, void *ctx, char *error,
                             size_t error_len);
/* The file of that account; false, with the folder in the message, when there is none. */
bool vd_keystore_folder_find(char path[VD_KEYSTORE_PATH_MAX], const char *folder,
                             const struct vd_address *address, char *error, size_t error_len);

/* vd_keystore_file_store writes text to a new file of mode 0600 in the folder, which is made with
   mode 0700 where it is missing.  Its name is UTC--<time>--<address>. */
bool vd_keystore_file_store(char path[VD_KEYSTORE_PATH_MAX], const char *folder,
                            const struct vd_address *address, const char *text, char *error,
                            size_t error_len);

#endif
