millrace_cluster_test(contract_kafka SOURCES ${LOG_CONTRACT_SOURCES} kafka_factory.cc kafka_log_test.cc LINK millrace_kafka THREADS)
