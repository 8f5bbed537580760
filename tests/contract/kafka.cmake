# Not under the thread sanitizer: it cannot see the atomic reference counts inside librdkafka and calls every release of a message a race.
millrace_cluster_test(contract_kafka SOURCES ${LOG_CONTRACT_SOURCES} kafka_factory.cc kafka_log_test.cc LINK millrace_kafka)
