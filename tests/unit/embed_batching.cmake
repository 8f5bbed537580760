millrace_test(unit_embed_batching SOURCES embed/batching_embedder_test.cc embed/text_queue_test.cc
  embed/hash_encoder_test.cc LINK millrace_embed THREADS)
