millrace_cluster_test(contract_mysql_store SOURCES ${STORE_CONTRACT_SOURCES} mysql_store_factory.cc ../unit/mysql/test_database.cc
  LINK millrace_mysql THREADS)
