find_package(SQLite3 REQUIRED)
millrace_test(unit_sqlite SOURCES sqlite/backup_test.cc sqlite/crash_test.cc sqlite/disk_test.cc sqlite/log_test.cc sqlite/open_test.cc
                                  sqlite/outbox_test.cc sqlite/writer_test.cc
  LINK millrace_sqlite SQLite::SQLite3 THREADS)
