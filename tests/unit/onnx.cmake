millrace_test(unit_onnx
  SOURCES onnx/onnx_encoder_test.cc onnx/golden_test.cc
  LINK millrace_onnx millrace_embed Boost::json
  DEFINES MILLRACE_REFERENCE="${CMAKE_CURRENT_LIST_DIR}/onnx/reference.json"
  THREADS)
if(MILLRACE_SANITIZE STREQUAL "thread")
  target_sources(unit_onnx PRIVATE ${CMAKE_CURRENT_LIST_DIR}/onnx/tsan_suppressions.cc)
endif()
