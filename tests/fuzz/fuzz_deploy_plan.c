/* The plan file of a deployment, which an operator may have edited: read or refused, by the one who
   goes on with it and by the one who wants the anchor alone. */
#include "fuzz/memory_file.h"

#include "node/app/deploy_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vd_l1_plan plan;
    static struct vd_deploy_record record;
    char error[300] = "";
    struct vd_block_id anchor;
    struct memory_file file = memory_file(data, size);
    bool ok = vd_deploy_file_anchor(&anchor, file.path, error, sizeof error);
    VD_ASSERT(ok == (error[0] == '\0'));
    error[0] = '\0';
    plan.step_count = 1;
    plan.steps[0].name = "step";
    ok = vd_deploy_file_read(&record, &plan, file.path, error, sizeof error);
    VD_ASSERT(ok == (error[0] == '\0'));
    close(file.fd);
    return 0;
}
