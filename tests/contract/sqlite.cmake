millrace_test(contract_sqlite SOURCES ${STORE_CONTRACT_SOURCES} ${LOG_CONTRACT_SOURCES}
  ${SEARCH_STATISTICS_CONTRACT_SOURCES} sqlite_factory.cc
  LINK millrace_sqlite THREADS)
