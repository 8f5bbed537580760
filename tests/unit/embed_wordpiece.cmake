millrace_test(unit_embed_wordpiece
  SOURCES embed/wordpiece_test.cc
  LINK millrace_embed Boost::json
  DEFINES MILLRACE_EMBED_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/embed/data")
