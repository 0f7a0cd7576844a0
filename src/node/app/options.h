/* The one table of options.

   Each option has a row: its flag, its unit, default, bounds and help.  The row serves the command
   line (--l2-port 9545), the environment (VIADUCT_L2_PORT) and the settings file (l2-port = 9545),
   in this order of precedence, and --help.  A name that no row has, a value out of bounds or of
   the wrong kind is refused with the place it came from. */
#ifndef VIADUCT_NODE_APP_OPTIONS_H
#define VIADUCT_NODE_APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which commands take an option: a set of bits. */
enum vd_command {
    VD_COMMAND_DEV = 1,
    VD_COMMAND_NODE = 2,
    VD_COMMAND_GENESIS = 4,
    VD_COMMAND_DEPLOY = 8,
    VD_COMMAND_BRIDGE = 16,
    VD_COMMAND_ACCOUNT_NEW = 256,
    VD_COMMAND_ACCOUNT_IMPORT = 512,
    VD_COMMAND_ACCOUNT_LIST = 1024,
    VD_COMMAND_ACCOUNT_SIGN = 2048,
    VD_COMMAND_PROVE = 8192,
    VD_COMMAND_DB = 16384,
    VD_COMMAND_GAMES = 32768,
    VD_COMMAND_PRESTATE = 65536,
};

/* The values, one field for each row of the table.  Strings borrow from argv, the environment or
   the settings file's text, which the struct owns.  NULL: not set and no default. */
struct vd_options {
#define STRING(field, flag, commands, unit, preset, help) const char *field;
#define NUMBER(field, flag, commands, unit, preset, low, high, help) uint64_t field;
#define SWITCH(field, flag, commands, help) bool field;
#include "options.def"
    char *file_text;
};

/* vd_options_parse fills *options from the three places for one command.  argv holds what follows
   the command's name.  On false, error says what was wrong, where, and what to do; it holds
   error_len bytes.  The caller ends it with vd_options_deinit in either case. */
bool vd_options_parse(struct vd_options *options, enum vd_command command, int argc, char **argv,
                      char *const *environment, char *error, size_t error_len);
void vd_options_deinit(struct vd_options *options);

/* vd_options_help prints every option of the command with unit and default. */
void vd_options_help(enum vd_command command, void (*line)(void *ctx, const char *text), void *ctx);

#endif
