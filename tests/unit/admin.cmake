millrace_test(unit_admin SOURCES admin/health_probes_test.cc admin/pipeline_history_test.cc admin/pipeline_overview_test.cc
  LINK millrace_admin millrace_memory THREADS)
