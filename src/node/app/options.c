#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest settings file. */
#define MAX_FILE_BYTES 65536

enum kind {
    KIND_STRING,
    KIND_NUMBER,
    KIND_SWITCH,
};

struct row {
    enum kind kind;
    unsigned commands;
    size_t offset;
    const char *flag;
    const char *unit;
    const char *help;
    const char *preset_text;
    uint64_t preset;
    uint64_t low;
    uint64_t high;
};

static const struct row rows[] = {
#define STRING(field_, flag_, commands_, unit_, preset_, help_) \
    {.kind = KIND_STRING,                                       \
     .commands = (commands_),                                   \
     .offset = offsetof(struct vd_options, field_),             \
     .flag = (flag_),                                           \
     .unit = (unit_),                                           \
     .help = (help_),                                           \
     .preset_text = (preset_)},
#define NUMBER(field_, flag_, commands_, unit_, preset_, low_, high_, help_) \
    {.kind = KIND_NUMBER,                                                    \
     .commands = (commands_),                                                \
     .offset = offsetof(struct vd_options, field_),                          \
     .flag = (flag_),                                                        \
     .unit = (unit_),                                                        \
     .help = (help_),                                                        \
     .preset = (preset_),                                                    \
     .low = (low_),                                                          \
     .high = (high_)},
#define SWITCH(field_, flag_, commands_, help_)     \
    {.kind = KIND_SWITCH,                           \
     .commands = (commands_),                       \
     .offset = offsetof(struct vd_options, field_), \
     .flag = (flag_),                               \
     .help = (help_)},
#include "options.def"
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

struct parse {
    struct vd_options *options;
    enum vd_command command;
    bool set[ROW_COUNT]; /* by a place of higher precedence */
    char *error;
    size_t error_len;
};

static bool
parse_number(uint64_t *out, const char *text)
{
    if (*text < '0' || *text > '9') {
        return false;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return errno == 0 && *end == '\0';
}

static bool
parse_switch(bool *out, const char *text)
{
    *out = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    return *out || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

/* Stores one value that came from place, a text like "--l2-port" or "VIADUCT_L2_PORT". */
static bool
store(struct parse *p, size_t index, const char *text, const char *place)
{
    const struct row *row = &rows[index];
    char *field = (char *)p->options + row->offset;
    p->set[index] = true;
    switch (row->kind) {
    case KIND_STRING:
        memcpy(field, &text, sizeof text);
        return true;
    case KIND_SWITCH: {
        bool on = false;
        if (!parse_switch(&on, text)) {
            snprintf(p->error, p->error_len, "%s is '%s'; give true or false", place, text);
            return false;
        }
        memcpy(field, &on, sizeof on);
        return true;
    }
    case KIND_NUMBER: {
        uint64_t value = 0;
        if (!parse_number(&value, text) || value < row->low || value > row->high) {
            snprintf(p->error, p->error_len,
                     "%s is '%s'; give a whole number of %s from %llu to %llu", place, text,
                     row->unit, (unsigned long long)row->low, (unsigned long long)row->high);
            return false;
        }
        memcpy(field, &value, sizeof value);
        return true;
    }
    }
    return false;
}

/* The row of a flag that the command takes, or ROW_COUNT. */
static size_t
find(const struct parse *p, const char *flag, size_t len)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if ((rows[i].commands & (unsigned)p->command) && strlen(rows[i].flag) == len &&
            memcmp(rows[i].flag, flag, len) == 0) {
            return i;
        }
    }
    return ROW_COUNT;
}

static void
set_defaults(struct vd_options *options)
{
    memset(options, 0, sizeof *options);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        char *field = (char *)options + rows[i].offset;
        if (rows[i].kind == KIND_STRING) {
            memcpy(field, &rows[i].preset_text, sizeof rows[i].preset_text);
        } else if (rows[i].kind == KIND_NUMBER) {
            memcpy(field, &rows[i].preset, sizeof rows[i].preset);
        }
    }
}

/* --name value, --name=value, and --name alone for a switch. */
static bool
from_arguments(struct parse *p, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *argument = argv[i];
        if (strncmp(argument, "--", 2) != 0) {
            snprintf(p->error, p->error_len, "unexpected argument '%s'; options begin with --",
                     argument);
            return false;
        }
        const char *equals = strchr(argument, '=');
        size_t len = equals ? (size_t)(equals - argument) : strlen(argument);
        size_t index = find(p, argument + 2, len - 2);
        if (index == ROW_COUNT) {
            snprintf(p->error, p->error_len, "unknown option '%.*s'; --help lists the options",
                     (int)len, argument);
            return false;
        }
        const char *value = equals ? equals + 1 : NULL;
        if (!value && rows[index].kind == KIND_SWITCH) {
            value = "true";
        } else if (!value && i + 1 < argc) {
            value = argv[++i];
        } else if (!value) {
            snprintf(p->error, p->error_len, "%s needs a value: <%s>", argument, rows[index].unit);
            return false;
        }
        if (!store(p, index, value, argument)) {
            return false;
        }
    }
    return true;
}

/* VIADUCT_L2_PORT for l2-port. */
static bool
environment_matches(const char *entry, const char *flag, const char **value)
{
    static const char prefix[] = "VIADUCT_";
    if (strncmp(entry, prefix, sizeof prefix - 1) != 0) {
        return false;
    }
    entry += sizeof prefix - 1;
    for (; *flag; flag++, entry++) {
        char want = *flag == '-' ? '_' : *flag;
        if (want >= 'a' && want <= 'z') {
            want = (char)(want - 'a' + 'A');
        }
        if (*entry != want) {
            return false;
        }
    }
    *value = entry + 1;
    return *entry == '=';
}

static bool
from_environment(struct parse *p, char *const *environment)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (p->set[i] || !(rows[i].commands & (unsigned)p->command)) {
            continue;
        }
        for (char *const *entry = environment; entry && *entry; entry++) {
            const char *value = NULL;
            if (!environment_matches(*entry, rows[i].flag, &value)) {
                continue;
            }
            char place[128];
            snprintf(place, sizeof place, "the environment's %.*s", (int)(value - 1 - *entry),
                     *entry);
            if (!store(p, i, value, place)) {
                return false;
            }
        }
    }
    return true;
}

static bool
read_file(struct parse *p, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        snprintf(p->error, p->error_len, "cannot read the settings file %s: %s", path,
                 strerror(errno));
        return false;
    }
    char *text = calloc(1, MAX_FILE_BYTES + 1);
    size_t len = text ? fread(text, 1, MAX_FILE_BYTES + 1, file) : 0;
    fclose(file);
    p->options->file_text = text;
    if (!text || len > MAX_FILE_BYTES) {
        snprintf(p->error, p->error_len, "the settings file %s is longer than %d bytes", path,
                 MAX_FILE_BYTES);
        return false;
    }
    text[len] = '\0';
    return true;
}

static char *
trim(char *text)
{
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    char *end = text + strlen(text);
    while (end > text && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) {
        *--end = '\0';
    }
    return text;
}

/* One line of the file; blank lines and those that begin with # say nothing. */
static bool
from_line(struct parse *p, char *line, const char *path, unsigned number)
{
    char *name = trim(line);
    if (*name == '\0' || *name == '#') {
        return true;
    }
    char *equals = strchr(name, '=');
    if (!equals) {
        snprintf(p->error, p->error_len, "%s, line %u: write 'name = value'", path, number);
        return false;
    }
    *equals = '\0';
    name = trim(name);
    size_t index = find(p, name, strlen(name));
    if (index == ROW_COUNT) {
        snprintf(p->error, p->error_len, "%s, line %u: unknown option '%s'", path, number, name);
        return false;
    }
    char place[300];
    snprintf(place, sizeof place, "%s, line %u: %s", path, number, name);
    return p->set[index] || store(p, index, trim(equals + 1), place);
}

static bool
from_file(struct parse *p)
{
    const char *path = p->options->settings;
    if (!path) {
        return true;
    }
    if (!read_file(p, path)) {
        return false;
    }
    unsigned number = 1;
    for (char *line = p->options->file_text; line; number++) {
        char *next = strchr(line, '\n');
        if (next) {
            *next++ = '\0';
        }
        if (!from_line(p, line, path, number)) {
            return false;
        }
        line = next;
    }
    return true;
}

bool
vd_options_parse(struct vd_options *options, enum vd_command command, int argc, char **argv,
                 char *const *environment, char *error, size_t error_len)
{
    set_defaults(options);
    struct parse p = {
        .options = options, .command = command, .error = error, .error_len = error_len};
    return from_arguments(&p, argc, argv) && from_environment(&p, environment) && from_file(&p);
}

void
vd_options_deinit(struct vd_options *options)
{
    free(options->file_text);
    options->file_text = NULL;
}

void
vd_options_help(enum vd_command command, void (*line)(void *ctx, const char *text), void *ctx)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        if (!(row->commands & (unsigned)command)) {
            continue;
        }
        char name[80];
        snprintf(name, sizeof name, "--%s%s%s%s", row->flag, row->unit ? " <" : "",
                 row->unit ? row->unit : "", row->unit ? ">" : "");
        char preset[64] = "";
        if (row->kind == KIND_NUMBER) {
            snprintf(preset, sizeof preset, " [%llu]", (unsigned long long)row->preset);
        } else if (row->preset_text) {
            snprintf(preset, sizeof preset, " [%s]", row->preset_text);
        }
        char text[400];
        snprintf(text, sizeof text, "  %-38s %s%s", name, row->help, preset);
        line(ctx, text);
    }
}
