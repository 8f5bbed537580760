millrace_test(unit_core SOURCES
  core/chunker_test.cc
  core/document_event_test.cc
  core/document_test.cc
  core/fence_test.cc
  core/filter_test.cc
  core/limits_test.cc
  core/metadata_test.cc
  core/partition_test.cc
  core/passage_test.cc
  core/schema_registry_test.cc
  core/search_tally_test.cc
  core/sentence_test.cc
  core/sha256_test.cc
  LINK millrace_core)
