# Embeds the committed contract artifacts: writes one C file into the build folder and makes target
# vd_artifacts of it, which answers include/viaduct/node/platform/artifacts.h.  Node is not needed.

set(artifact_folder "${CMAKE_SOURCE_DIR}/contracts/artifacts")

# vd_embed_bytes(<symbol> <0x-hex>) appends to artifact_arrays an array of that content, and sets
# <symbol>_fields to what names it in a table: the array and its length, or nothing at all.
function(vd_embed_bytes symbol hex)
  if(NOT hex MATCHES "^0x([0-9a-fA-F][0-9a-fA-F])*$")
    message(FATAL_ERROR "artifact ${symbol}: not an even number of hex digits after 0x")
  endif()
  string(SUBSTRING "${hex}" 2 -1 digits)
  if(digits STREQUAL "")
    set(${symbol}_fields "NULL, 0" PARENT_SCOPE)
    return()
  endif()
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${digits}")
  string(APPEND artifact_arrays "static const uint8_t ${symbol}[] = {${bytes}};\n")
  set(artifact_arrays "${artifact_arrays}" PARENT_SCOPE)
  set(${symbol}_fields "${symbol}, sizeof ${symbol}" PARENT_SCOPE)
endfunction()

# vd_embed(<name> <runtime code> <init code>), both hex, adds a row to the table.
macro(vd_embed name code init)
  vd_embed_bytes(${name}_code "${code}")
  vd_embed_bytes(${name}_init "${init}")
  string(APPEND artifact_rows "    {\"${name}\", ${${name}_code_fields}, ${${name}_init_fields}},\n")
endmacro()

# Compiled from contracts/src by scripts/artifacts.
foreach(name L1Block L2ToL1MessagePasser LogSource)
  set(path "${artifact_folder}/${name}.json")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
  file(READ "${path}" json)
  string(JSON code GET "${json}" deployedBytecode)
  string(JSON init GET "${json}" bytecode)
  vd_embed(${name} "${code}" "${init}")
endforeach()

# Ethereum's system contracts, whose runtime code their EIPs publish.
set(path "${artifact_folder}/system.json")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
file(READ "${path}" json)
string(JSON count LENGTH "${json}" contracts)
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
  string(JSON name GET "${json}" contracts ${i} contractName)
  string(JSON code GET "${json}" contracts ${i} deployedBytecode)
  vd_embed(${name} "${code}" 0x)
endforeach()

set(generated "${CMAKE_BINARY_DIR}/generated/artifacts.c")
file(CONFIGURE OUTPUT "${generated}" @ONLY CONTENT [[
/* Written by cmake/artifacts.cmake from contracts/artifacts. */
#include "viaduct/node/platform/artifacts.h"
#include <string.h>

@artifact_arrays@
static const struct vd_artifact artifacts[] = {
@artifact_rows@};

const struct vd_artifact *
vd_artifact_find(const char *name)
{
    for (size_t i = 0; i < sizeof artifacts / sizeof artifacts[0]; i++) {
        if (strcmp(artifacts[i].name, name) == 0) {
            return &artifacts[i];
        }
    }
    return NULL;
}
]])

add_library(vd_artifacts STATIC "${generated}")
target_include_directories(vd_artifacts PUBLIC "${CMAKE_SOURCE_DIR}/include")

# The header is node/platform's, so whoever links that folder can call it.
get_target_property(platform_type vd_node_platform TYPE)
if(platform_type STREQUAL "INTERFACE_LIBRARY")
  target_link_libraries(vd_node_platform INTERFACE vd_artifacts)
else()
  target_link_libraries(vd_node_platform PUBLIC vd_artifacts)
endif()
