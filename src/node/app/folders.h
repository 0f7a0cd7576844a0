/* Folders that live as long as a command. */
#ifndef VIADUCT_NODE_APP_FOLDERS_H
#define VIADUCT_NODE_APP_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

/* Makes a new folder in TMPDIR, or where the system keeps temporary files; its path in out.  False:
   errno says why. */
bool vd_folder_temporary(char *out, size_t out_len);
/* Removes it with all that is in it. */
void vd_folder_remove(const char *path);

#endif
