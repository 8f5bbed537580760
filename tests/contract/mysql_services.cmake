millrace_cluster_test(contract_mysql_services
  SOURCES ${INSTANCES_CONTRACT_SOURCES} ${SEARCH_STATISTICS_CONTRACT_SOURCES} mysql_services_factory.cc ../unit/mysql/test_database.cc
  LINK millrace_mysql THREADS)
