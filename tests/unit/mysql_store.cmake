millrace_cluster_test(unit_mysql_store
  SOURCES mysql_store/cut_off_test.cc mysql_store/foreign_program_test.cc mysql_store/guard_test.cc mysql_store/outbox_test.cc
          mysql_store/race_test.cc mysql_store/state_rows_test.cc mysql/test_database.cc ../contract/store_contract.cc
  LINK millrace_mysql THREADS)
