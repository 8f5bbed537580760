millrace_test(unit_search
  SOURCES
    search/analytics_consumer_test.cc
    search/event_hub_test.cc
    search/index_follower_test.cc
    search/search_service_test.cc
  LINK millrace_search millrace_memory THREADS)
