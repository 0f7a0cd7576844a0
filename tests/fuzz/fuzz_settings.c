/* A settings file: read, or refused with the line. */
#include "fuzz/memory_file.h"

#include "node/app/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[300] = "";
    char flag[] = "--settings";
    struct vd_options options;
    struct memory_file file = memory_file(data, size);
    char *argv[] = {flag, file.path};
    bool ok = vd_options_parse(&options, VD_COMMAND_NODE, 2, argv, NULL, error, sizeof error);
    VD_ASSERT(ok == (error[0] == '\0'));
    vd_options_deinit(&options);
    close(file.fd);
    return 0;
}
