# millrace_library(NAME [WAITS] SOURCES… [LINK …] [APART …] [ALONE …]): one room of the house, with the project's warnings as errors. With
# MILLRACE_UNITY its sources are compiled many at a time, so their anonymous namespaces share names: APART sources, whose names others have too,
# go together into another unit, ALONE ones into one each. WAITS: its time goes into waiting for a user or another server, so that a release
# compiles it with -O1, in two thirds of the time.
function(millrace_library name)
  cmake_parse_arguments(ARG "WAITS" "" "SOURCES;LINK;PRIVATE;APART;ALONE" ${ARGN})
  add_library(millrace_${name} STATIC ${ARG_SOURCES})
  target_include_directories(millrace_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(millrace_${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE})
  millrace_warnings(millrace_${name})
  if(ARG_WAITS)
    target_compile_options(millrace_${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
  if(MILLRACE_UNITY)
    set_target_properties(millrace_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
    list(REMOVE_ITEM ARG_SOURCES ${ARG_APART} ${ARG_ALONE} "")
    set(place 0)
    foreach(source ${ARG_SOURCES})
      math(EXPR unit "${place} / 30")
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${unit})
      math(EXPR place "${place} + 1")
    endforeach()
    set_source_files_properties(${ARG_APART} PROPERTIES UNITY_GROUP apart)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # Meant for headers: g++ takes a source that a unit includes for one.
      target_compile_options(millrace_${name} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
endfunction()

function(millrace_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-restrict)  # g++ 12 warns of its own std::string (GCC bug 105651)
  endif()
  if(MILLRACE_FUZZERS)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(MILLRACE_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${MILLRACE_SANITIZE} -fno-omit-frame-pointer
                                            -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${MILLRACE_SANITIZE})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized) # g++ takes the sanitizers' own code for uses
    endif()
    if(MILLRACE_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -Wno-tsan)  # Asio uses fences that g++ cannot instrument
    endif()
  endif()
endfunction()

# millrace_test(NAME SOURCES… LINK… [DEFINES…] [THREADS]): a GoogleTest binary, registered with ctest as one test. The thread sanitizer builds
# and runs only those with THREADS: the others have one thread. `millrace_tests` builds them all and what they need.
add_custom_target(millrace_tests)
function(millrace_test name)
  cmake_parse_arguments(ARG "THREADS" "" "SOURCES;LINK;DEFINES" ${ARGN})
  if(MILLRACE_SANITIZE STREQUAL "thread" AND NOT ARG_THREADS)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE ${ARG_DEFINES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  millrace_warnings(${name})
  add_dependencies(millrace_tests ${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()

# millrace_cluster_test(…): a millrace_test that needs a real broker, database and cache, named by MILLRACE_TEST_KAFKA, MILLRACE_TEST_MYSQL
# and MILLRACE_TEST_REDIS. The label keeps it out of the plain runs; the stage `cluster` of scripts/test brings the servers up and runs these.
function(millrace_cluster_test name)
  millrace_test(${name} ${ARGN})
  if(TARGET ${name})
    set_tests_properties(${name} PROPERTIES LABELS cluster)
  endif()
endfunction()
