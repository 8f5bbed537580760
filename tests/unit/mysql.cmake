millrace_cluster_test(unit_mysql
  SOURCES mysql/connection_test.cc mysql/engine_test.cc mysql/outbox_test.cc mysql/schema_test.cc mysql/takeover_test.cc mysql/test_database.cc
  LINK millrace_mysql THREADS)
millrace_test(unit_mysql_groups SOURCES mysql/accept_groups_test.cc mysql/call_groups_test.cc LINK millrace_mysql THREADS)
