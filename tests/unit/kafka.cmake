millrace_test(unit_kafka SOURCES kafka/broker_trouble_test.cc kafka/configuration_test.cc kafka/no_broker_test.cc kafka/records_test.cc
  LINK millrace_kafka rdkafka::rdkafka THREADS)
