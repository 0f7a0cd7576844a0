# What single conformance tests need beyond the common libraries, and checks that are scripts.
target_link_libraries(conformance.test_inflate_zlib PRIVATE PkgConfig::ZLIB)
target_link_libraries(conformance.test_brotli PRIVATE PkgConfig::BROTLI_ENC PkgConfig::BROTLI_DEC)
target_link_libraries(conformance.test_vm_contract PRIVATE vd_node_fault)
target_link_libraries(conformance.test_large_preimage PRIVATE vd_node_roles)
add_test(NAME conformance.vm_forge COMMAND "${CMAKE_CURRENT_LIST_DIR}/vm-forge"
         $<TARGET_FILE:conformance.test_vm_contract> $<TARGET_FILE:conformance.test_vm_guest>)
set_tests_properties(conformance.vm_forge PROPERTIES LABELS conformance TIMEOUT 600
                     SKIP_RETURN_CODE 77)
add_test(NAME scripts.check_freestanding COMMAND "${CMAKE_SOURCE_DIR}/scripts/check-freestanding")
set_tests_properties(scripts.check_freestanding PROPERTIES LABELS conformance TIMEOUT 600)

# State tests, blockchain tests and real blocks, through viaduct-evm, in pieces that run side by side.
function(vd_vectors_test name command)
  add_test(NAME conformance.vectors.${name}
           COMMAND "${CMAKE_SOURCE_DIR}/tests/conformance/run-vectors"
                   $<TARGET_FILE:viaduct-evm> ${command} ${ARGN})
  set_tests_properties(conformance.vectors.${name} PROPERTIES LABELS conformance TIMEOUT 1200
                       SKIP_REGULAR_EXPRESSION "SKIPPED: VD_VECTORS")
endfunction()
vd_vectors_test(state_time_consuming statetest "state/ethereum-tests/stTimeConsuming")
vd_vectors_test(state_ethereum_tests statetest "state/ethereum-tests/!(stTimeConsuming)")
vd_vectors_test(state_legacytests statetest "state/legacytests-cancun")
vd_vectors_test(state_eest statetest "state/eest" "state/eest-static")
vd_vectors_test(blocks blocktest "blocks")
vd_vectors_test(op_blocks block "op/blocks/*")

# Bare programs through viaduct vm run.
add_test(NAME conformance.vm COMMAND "${CMAKE_CURRENT_LIST_DIR}/run-vm" $<TARGET_FILE:viaduct>)
set_tests_properties(conformance.vm PROPERTIES LABELS conformance TIMEOUT 120 SKIP_RETURN_CODE 77)

# Small programs through viaduct-evm run.  A sanitizer's library wants to be the first one loaded.
if(VD_SANITIZE)
  add_test(NAME conformance.evm COMMAND "${CMAKE_CURRENT_LIST_DIR}/run-evm" $<TARGET_FILE:viaduct-evm>)
else()
  add_library(count_recovers MODULE conformance/count_recovers.c)
  set_target_properties(count_recovers PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY
                        "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  target_link_libraries(count_recovers PRIVATE ${CMAKE_DL_LIBS})
  add_test(NAME conformance.evm COMMAND "${CMAKE_CURRENT_LIST_DIR}/run-evm"
           $<TARGET_FILE:viaduct-evm> $<TARGET_FILE:count_recovers>)
endif()
set_tests_properties(conformance.evm PROPERTIES LABELS conformance TIMEOUT 120)

foreach(test test_execution_image test_vm_guest)
  target_link_libraries(conformance.${test} PRIVATE vd_node_fault PkgConfig::ZLIB)
  target_compile_definitions(conformance.${test} PRIVATE
    VD_EXECUTION_IMAGE="${CMAKE_SOURCE_DIR}/src/guest/image/execution.elf.gz")
endforeach()
