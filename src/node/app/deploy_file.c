#include "deploy_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Longest line: three columns of text and a hash. */
#define MAX_LINE 512

static const char *
status_text(enum vd_step_status status)
{
    switch (status) {
    case VD_STEP_UNKNOWN:
    case VD_STEP_LOOKING:
    case VD_STEP_TODO:
    case VD_STEP_ESTIMATING:
        return "todo";
    case VD_STEP_SENT:
        return "sent";
    case VD_STEP_DONE:
        return "done";
    }
    return "todo";
}

static void
hash_text(char text[67], const struct vd_hash *hash)
{
    text[0] = '0';
    text[1] = 'x';
    vd_hex_encode(text + 2, hash->b, 32);
    text[66] = '\0';
}

static void
write_line(FILE *file, const char *name, const char *where, const char *status, const char *tx)
{
    fprintf(file, "%-40s %-42s %-5s %s\n", name, where, status, tx);
}

/* Of a step whose contract is not known yet: its address follows from rollup.json. */
static bool
is_zero(const struct vd_address *address)
{
    static const struct vd_address zero;
    return memcmp(address, &zero, sizeof zero) == 0;
}

static void
write_step(FILE *file, const struct vd_step *step, const struct vd_deploy_record *record,
           size_t index)
{
    char address[43];
    char tx[67] = "-";
    vd_address_text(address, &step->subject);
    if (record->has_tx[index]) {
        hash_text(tx, &record->tx[index]);
    }
    write_line(file, step->name, is_zero(&step->subject) ? "-" : address,
               status_text(record->status[index]), tx);
}

/* What stands between the settings and the finish: nothing of it is a transaction. */
static void
write_genesis(FILE *file, const struct vd_deploy_record *record)
{
    char number[24] = "-";
    char hash[67] = "-";
    if (record->has_anchor) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)record->anchor.number);
        hash_text(hash, &record->anchor.hash);
    }
    write_line(file, "anchor-block", number, record->has_anchor ? "done" : "todo", hash);
    snprintf(hash, sizeof hash, "-");
    if (record->has_config_hash) {
        hash_text(hash, &record->config_hash);
    }
    write_line(file, "rollup.json", "-", record->has_config_hash ? "done" : "todo", hash);
}

static void
write_all(FILE *file, const struct vd_l1_plan *plan, const struct vd_deploy_record *record)
{
    char deployer[43];
    char digest[67];
    bool genesis = false;
    vd_address_text(deployer, &plan->deployer);
    hash_text(digest, &plan->digest);
    fprintf(file, "# Deployment of chain %llu on the L1 with chain id %llu.\n",
            (unsigned long long)plan->founding->l2_chain_id,
            (unsigned long long)plan->founding->l1_chain_id);
    fprintf(file, "# step, address, status, transaction\n");
    write_line(file, "deployer", deployer, "-", "-");
    write_line(file, "plan", "-", "-", digest);
    for (size_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].phase == VD_PHASE_FINISH && !genesis) {
            genesis = true;
            write_genesis(file, record);
        }
        write_step(file, &plan->steps[i], record, i);
    }
    write_line(file, "read-back", "-", record->verified ? "done" : "todo", "-");
}

bool
vd_deploy_file_write(const struct vd_l1_plan *plan, const struct vd_deploy_record *record,
                     const char *path, char *error, size_t error_len)
{
    char temporary[4096];
    int len = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    FILE *file = len > 0 && (size_t)len < sizeof temporary ? fopen(temporary, "w") : NULL;
    bool good = file != NULL;
    int reason = errno;
    if (file) {
        errno = 0;
        write_all(file, plan, record);
        good = fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
        reason = errno;
        good = fclose(file) == 0 && good;
    }
    if (!good || rename(temporary, path) != 0) {
        snprintf(error, error_len, "cannot write %s: %s", path, strerror(good ? errno : reason));
        if (file) {
            unlink(temporary);
        }
        return false;
    }
    return true;
}

/* --- reading --- */

struct line {
    char name[64];
    char where[64];
    char status[16];
    char tx[80];
};

static bool
parse_hash(struct vd_hash *hash, const char *text)
{
    return vd_file_parse_fixed(hash->b, 32, text);
}

static bool
parse_anchor(struct vd_block_id *anchor, const struct line *line)
{
    unsigned long long number = 0;
    char rest;
    if (sscanf(line->where, "%llu%c", &number, &rest) != 1 ||
        !parse_hash(&anchor->hash, line->tx)) {
        return false;
    }
    anchor->number = number;
    return true;
}

/* 1: a line, 0: the end, -1: not four columns. */
static int
next_line(FILE *file, struct line *line)
{
    char text[MAX_LINE];
    while (fgets(text, sizeof text, file)) {
        if (text[0] != '#' && text[0] != '\n') {
            return sscanf(text, "%63s %63s %15s %79s", line->name, line->where, line->status,
                          line->tx) == 4
                       ? 1
                       : -1;
        }
    }
    return 0;
}

static bool
matches(const struct line *line, const struct vd_l1_plan *plan)
{
    struct vd_hash digest;
    struct vd_address deployer;
    if (strcmp(line->name, "plan") == 0) {
        return parse_hash(&digest, line->tx) && vd_hash_eq(&digest, &plan->digest);
    }
    if (strcmp(line->name, "deployer") == 0) {
        return vd_file_parse_fixed(deployer.b, 20, line->where) &&
               memcmp(deployer.b, plan->deployer.b, 20) == 0;
    }
    return true;
}

static bool
take_line(struct vd_deploy_record *record, const struct vd_l1_plan *plan, const struct line *line)
{
    if (strcmp(line->name, "anchor-block") == 0 && strcmp(line->status, "done") == 0) {
        record->has_anchor = true;
        return parse_anchor(&record->anchor, line);
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        if (strcmp(plan->steps[i].name, line->name) == 0 && strcmp(line->tx, "-") != 0) {
            record->has_tx[i] = true;
            return parse_hash(&record->tx[i], line->tx);
        }
    }
    return true;
}

bool
vd_deploy_file_read(struct vd_deploy_record *record, const struct vd_l1_plan *plan,
                    const char *path, char *error, size_t error_len)
{
    *record = (struct vd_deploy_record){0};
    FILE *file = fopen(path, "r");
    if (!file && errno == ENOENT) {
        return true;
    }
    if (!file) {
        snprintf(error, error_len, "cannot read %s: %s", path, strerror(errno));
        return false;
    }
    struct line line;
    bool same = true;
    bool good = true;
    int got = 0;
    while (same && good && (got = next_line(file, &line)) > 0) {
        same = matches(&line, plan);
        good = same && take_line(record, plan, &line);
    }
    fclose(file);
    if (!same) {
        snprintf(error, error_len,
                 "%s is the plan of another deployment (other settings or another deployer); "
                 "restore the configuration, or give another --out and create2Salt",
                 path);
    } else if (!good || got < 0) {
        snprintf(error, error_len, "%s is damaged at the line '%s'", path, line.name);
    }
    return same && good && got == 0;
}

bool
vd_deploy_file_anchor(struct vd_block_id *anchor, const char *path, char *error, size_t error_len)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        snprintf(error, error_len, "cannot read %s: %s", path, strerror(errno));
        return false;
    }
    struct line line = {.name = ""};
    bool found = false;
    while (!found && next_line(file, &line) > 0) {
        found = strcmp(line.name, "anchor-block") == 0 && parse_anchor(anchor, &line);
    }
    fclose(file);
    if (!found) {
        snprintf(error, error_len, "%s names no anchor block: the deployment is not finished",
                 path);
    }
    return found;
}
