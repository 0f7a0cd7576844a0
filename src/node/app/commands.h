/* The commands behind main: each parses its options, runs, and returns the exit status. */
#ifndef VIADUCT_NODE_APP_COMMANDS_H
#define VIADUCT_NODE_APP_COMMANDS_H

int vd_command_dev(int argc, char **argv);
int vd_command_node(int argc, char **argv);
int vd_command_genesis(int argc, char **argv);
int vd_command_deploy(int argc, char **argv);
int vd_command_bridge(int argc, char **argv);
int vd_command_account(int argc, char **argv);
int vd_command_vm(int argc, char **argv);
int vd_command_prove(int argc, char **argv);
int vd_command_prestate(int argc, char **argv);
int vd_command_games(int argc, char **argv);
int vd_command_db(int argc, char **argv);

#endif
