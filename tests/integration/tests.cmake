# Scripts that drive the program itself.
add_test(NAME integration.db
         COMMAND "${CMAKE_SOURCE_DIR}/tests/integration/db.sh" $<TARGET_FILE:viaduct>)
set_tests_properties(integration.db PROPERTIES LABELS integration TIMEOUT 300)
