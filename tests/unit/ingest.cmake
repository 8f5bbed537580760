millrace_test(unit_ingest
  SOURCES
    ingest/cache_keeper_test.cc
    ingest/cached_pipeline_test.cc
    ingest/document_processor_test.cc
    ingest/failure_class_test.cc
    ingest/failure_headers_test.cc
    ingest/housekeeper_test.cc
    ingest/keyed_requests_test.cc
    ingest/offset_tracker_test.cc
    ingest/outbox_relay_test.cc
    ingest/presence_test.cc
    ingest/run_gate_test.cc
    ingest/takeover_test.cc
    ingest/upload_consumer_test.cc
    ingest/upload_message_test.cc
    ingest/verified_delete_test.cc
  LINK millrace_ingest millrace_embed millrace_memory THREADS)
