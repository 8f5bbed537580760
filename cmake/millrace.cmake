# millrace_library(NAME SOURCES… [LINK …]): one room of the house, with the project's warnings as errors.
function(millrace_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE" ${ARGN})
  add_library(millrace_${name} STATIC ${ARG_SOURCES})
  target_include_directories(millrace_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(millrace_${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE})
  millrace_warnings(millrace_${name})
endfunction()

function(millrace_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
  if(MILLRACE_FUZZERS)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(MILLRACE_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${MILLRACE_SANITIZE} -fno-omit-frame-pointer
                                            -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${MILLRACE_SANITIZE})
    if(MILLRACE_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -Wno-tsan)  # Asio uses fences that g++ cannot instrument
    endif()
  endif()
endfunction()

# millrace_test(NAME SOURCES… LINK…): a GoogleTest binary, registered with ctest as one test.
function(millrace_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  millrace_warnings(${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()
