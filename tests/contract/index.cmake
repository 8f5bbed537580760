millrace_test(contract_index SOURCES ${VECTOR_INDEX_CONTRACT_SOURCES} index_factory.cc LINK millrace_index)
