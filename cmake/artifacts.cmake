# vd_artifacts is the library behind viaduct/node/platform/artifacts.h: the bytecode that
# contracts/artifacts holds, as C arrays.  Pure CMake, so that building the program needs no node.

# vd_artifact_array(<out> <hex>) turns 0x-prefixed hex into the inside of a C initializer.
function(vd_artifact_array out hex)
  if(NOT hex MATCHES "^0x([0-9a-f][0-9a-f])*$")
    message(FATAL_ERROR "artifacts: not an even number of hex digits after 0x: ${hex}")
  endif()
  string(SUBSTRING "${hex}" 2 -1 digits)
  string(REGEX REPLACE "(................................)" "\\1\n" digits "${digits}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," digits "${digits}")
  set(${out} "${digits}" PARENT_SCOPE)
endfunction()

# Those of contracts/artifacts are compiled by scripts/artifacts; those of its folder preinstalls are
# the well-known contracts of every chain, those of its folder system the code that EIPs publish,
# which has no creation code.
file(GLOB vd_artifact_files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/contracts/artifacts/*.json"
     "${CMAKE_SOURCE_DIR}/contracts/artifacts/preinstalls/*.json"
     "${CMAKE_SOURCE_DIR}/contracts/artifacts/system/*.json")
set(vd_artifact_arrays "")
set(vd_artifact_rows "")
foreach(file ${vd_artifact_files})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  file(READ "${file}" json)
  string(JSON name GET "${json}" contractName)
  string(JSON code GET "${json}" deployedBytecode)
  string(JSON init GET "${json}" bytecode)
  if(code STREQUAL "0x")
    continue() # an interface or an abstract contract
  endif()
  vd_artifact_array(code "${code}")
  string(APPEND vd_artifact_arrays "static const uint8_t ${name}_code[] = {\n${code}};\n")
  set(row "    {\"${name}\", ${name}_code, sizeof ${name}_code")
  if(init STREQUAL "0x")
    string(APPEND row ", NULL, 0},\n")
  else()
    vd_artifact_array(init "${init}")
    string(APPEND vd_artifact_arrays "static const uint8_t ${name}_init[] = {\n${init}};\n")
    string(APPEND row ", ${name}_init, sizeof ${name}_init},\n")
  endif()
  string(APPEND vd_artifact_rows "${row}")
endforeach()

set(vd_artifact_source "${CMAKE_BINARY_DIR}/generated/artifacts.c")
file(CONFIGURE OUTPUT "${vd_artifact_source}" CONTENT [=[
/* Made by cmake/artifacts.cmake from contracts/artifacts. */
#include "viaduct/node/platform/artifacts.h"

#include <string.h>

@vd_artifact_arrays@
static const struct vd_artifact artifacts[] = {
@vd_artifact_rows@};

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
]=] @ONLY)

add_library(vd_artifacts STATIC "${vd_artifact_source}")
target_include_directories(vd_artifacts PUBLIC "${CMAKE_SOURCE_DIR}/include")

# The header is node/platform's, so whoever links that folder can call it.
target_link_libraries(vd_node_platform PUBLIC vd_artifacts)
