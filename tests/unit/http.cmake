millrace_test(unit_http_server SOURCES http/server_test.cc LINK millrace_http millrace_admin millrace_memory millrace_search millrace_ingest THREADS)
millrace_test(unit_http_codec SOURCES http/api_keys_test.cc http/codec_test.cc http/target_test.cc LINK millrace_http millrace_admin millrace_search millrace_ingest)
millrace_test(unit_http_routes SOURCES http/access_test.cc http/openapi_test.cc http/routes_analytics_test.cc
              http/routes_dead_letters_test.cc
              http/routes_groups_test.cc http/routes_history_test.cc http/routes_messages_test.cc http/routes_test.cc http/routes_topics_test.cc
              LINK millrace_http millrace_admin millrace_memory millrace_search millrace_ingest Boost::json)
