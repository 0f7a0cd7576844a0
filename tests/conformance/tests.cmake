# What single conformance tests need beyond the common libraries, and checks that are scripts.
target_link_libraries(conformance.test_inflate_zlib PRIVATE PkgConfig::ZLIB)
add_test(NAME scripts.check_freestanding COMMAND "${CMAKE_SOURCE_DIR}/scripts/check-freestanding")
set_tests_properties(scripts.check_freestanding PROPERTIES LABELS conformance TIMEOUT 600)
