/* The commands of viaduct-evm.  Each gets the arguments after its name, argv[0] being the name, and
   returns the exit status: 0, 1 for a failed comparison, 2 for bad usage or files. */
#ifndef VD_TOOLS_EVM_TOOLS_H
#define VD_TOOLS_EVM_TOOLS_H

int tool_run(int argc, char **argv);
int tool_statetest(int argc, char **argv);
int tool_blocktest(int argc, char **argv);
int tool_block(int argc, char **argv);

#endif
