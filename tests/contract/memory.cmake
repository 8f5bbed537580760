millrace_test(contract_memory SOURCES ${STORE_CONTRACT_SOURCES} ${LOG_CONTRACT_SOURCES} ${VECTOR_INDEX_CONTRACT_SOURCES}
  memory_factory.cc
  LINK millrace_memory THREADS)
