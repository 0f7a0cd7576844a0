#define _XOPEN_SOURCE 700 /* nftw, mkdtemp */
#include "folders.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

bool
vd_folder_temporary(char *out, size_t out_len)
{
    const char *base = getenv("TMPDIR");
    snprintf(out, out_len, "%s/viaduct-dev-XXXXXX", base ? base : P_tmpdir);
    return mkdtemp(out) != NULL;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void
vd_folder_remove(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
