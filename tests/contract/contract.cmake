# The suites that every adapter of a port compiles into its contract binary, with a factory file of its own.
set(STORE_CONTRACT_SOURCES store_contract.cc document_store_contract.cc effect_store_contract.cc
  poison_guard_contract.cc dead_letters_contract.cc reindex_contract.cc idempotency_contract.cc traces_contract.cc outbox_contract.cc
  event_contract.cc foreign_record_contract.cc index_feed_contract.cc store_admin_contract.cc
  store_concurrency_contract.cc)
set(LOG_CONTRACT_SOURCES log_contract.cc log_record_contract.cc log_group_contract.cc log_admin_contract.cc
  group_admin_contract.cc)
set(LOG_RETENTION_CONTRACT_SOURCES log_retention_contract.cc)
set(VECTOR_INDEX_CONTRACT_SOURCES vector_index_contract.cc)
set(INSTANCES_CONTRACT_SOURCES instances_contract.cc)
set(SEARCH_STATISTICS_CONTRACT_SOURCES search_statistics_contract.cc)
