# vd_guest_image is the library behind viaduct/node/fault/image.h's bytes: the guest's image as
# src/guest/image keeps it, compressed, as a C array.  scripts/guest makes the file;
# scripts/check-guest compares it with what the sources give.
set(vd_guest_file "${CMAKE_SOURCE_DIR}/src/guest/image/guest.elf.gz")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${vd_guest_file}")
file(READ "${vd_guest_file}" hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," vd_guest_bytes "${hex}")
set(vd_guest_source "${CMAKE_BINARY_DIR}/generated/guest_image.c")
file(CONFIGURE OUTPUT "${vd_guest_source}" CONTENT [=[
/* Made by cmake/guest.cmake from src/guest/image/guest.elf.gz. */
#include "node/fault/image_bytes.h"

const uint8_t vd_guest_gz[] = {
@vd_guest_bytes@};
const size_t vd_guest_gz_len = sizeof vd_guest_gz;
]=] @ONLY)
add_library(vd_guest_image STATIC "${vd_guest_source}")
target_include_directories(vd_guest_image PRIVATE "${CMAKE_SOURCE_DIR}/src")
target_link_libraries(vd_node_fault PUBLIC vd_guest_image)
