# Standard clients against the program, with anvil as the L1.
foreach(name dev anvil reorg)
  add_test(NAME interop.${name}
           COMMAND "${CMAKE_SOURCE_DIR}/tests/interop/run.sh" $<TARGET_FILE:viaduct> ${name}.test.mjs)
  set_tests_properties(interop.${name} PROPERTIES LABELS interop TIMEOUT 900 SKIP_RETURN_CODE 77
                       RUN_SERIAL TRUE)
endforeach()
