millrace_test(contract_memory_cache SOURCES vector_cache_contract.cc memory_cache_factory.cc LINK millrace_memory THREADS)
millrace_cluster_test(cluster_redis
  SOURCES vector_cache_contract.cc redis_cache_factory.cc redis_server.cc redis_faults_test.cc redis_keeper_test.cc redis_tls_test.cc
  LINK millrace_redis millrace_ingest millrace_memory THREADS)
