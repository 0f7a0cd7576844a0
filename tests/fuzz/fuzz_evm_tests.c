/* Files of state and block tests as viaduct-evm reads them: any JSON ends in a verdict, and what
   the file wants of the machine is bounded by its gas. */
#include "fuzz/memory_file.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "tools/evm/tools.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
run(int (*tool)(int argc, char **argv), char *path)
{
    char name[] = "fuzz";
    char *argv[] = {name, path, NULL};
    int status = tool(2, argv);
    VD_ASSERT(status == 0 || status == 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *root = json_loadb((const char *)data, size, 0, NULL);
    if (root == NULL)
        return 0;
    json_decref(root);
    /* The tools print each failure. */
    (void)fflush(stdout);
    int out = dup(STDOUT_FILENO);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    VD_ASSERT(out >= 0 && null >= 0 && dup2(null, STDOUT_FILENO) >= 0);
    struct memory_file file = memory_file(data, size);
    run(tool_statetest, file.path);
    run(tool_blocktest, file.path);
    (void)fflush(stdout);
    VD_ASSERT(dup2(out, STDOUT_FILENO) >= 0);
    close(file.fd);
    close(null);
    close(out);
    return 0;
}
