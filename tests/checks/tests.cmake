# Checks that compile nothing, and the test that each of them can fail.
foreach(check format edges suppressions docs constants artifacts preinstalls guest)
  add_test(NAME check.${check} COMMAND "${CMAKE_SOURCE_DIR}/scripts/check-${check}")
endforeach()
add_test(NAME check.selftest COMMAND "${CMAKE_CURRENT_LIST_DIR}/selftest")
set_tests_properties(check.format check.edges check.suppressions check.docs
                     check.constants check.artifacts check.preinstalls check.guest check.selftest
                     PROPERTIES LABELS check TIMEOUT 300)
# Compiling the contracts needs node and the pinned compiler, the preinstalls some npm packages.
set_tests_properties(check.artifacts check.preinstalls check.guest PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME check.prestate
         COMMAND "${CMAKE_CURRENT_LIST_DIR}/prestate" $<TARGET_FILE:viaduct>)
set_tests_properties(check.prestate PROPERTIES LABELS check TIMEOUT 60)
