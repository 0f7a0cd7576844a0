# Standard clients against the program, with anvil as the L1.
foreach(name dev anvil reorg controls window limits ready keys deploy predeploys bridge proposer games challenger large_preimages drill disputes disputes_anvil flood conservation prove cli)
  add_test(NAME interop.${name}
           COMMAND "${CMAKE_SOURCE_DIR}/tests/interop/run.sh" $<TARGET_FILE:viaduct> ${name}.test.mjs)
  set_tests_properties(interop.${name} PROPERTIES LABELS interop TIMEOUT 900 SKIP_RETURN_CODE 77)
endforeach()

# Preloaded by limits.test.mjs, which finds it beside the program.
add_library(slow_compress MODULE interop/support/slow_compress.c)
set_target_properties(slow_compress PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY
                      "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
target_link_libraries(slow_compress PRIVATE PkgConfig::BROTLI_ENC ${CMAKE_DL_LIBS})

# Preloaded by ready.test.mjs, likewise.
add_library(failing_disk MODULE interop/support/failing_disk.c)
set_target_properties(failing_disk PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY
                      "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")

# Run by challenger.test.mjs, which finds it beside the program.
add_executable(forget_safe interop/support/forget_safe.c)
set_target_properties(forget_safe PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                      "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
target_link_libraries(forget_safe PRIVATE PkgConfig::LMDB)
