# rdkafka::rdkafka: librdkafka as a static library, built once a machine from the pinned source that scripts/assets fetched, and kept in
# the cache, so that no preset and no clean build compiles it again (a minute of one core).

set(rdkafka_version 2.12.0)
set(rdkafka_archive node-rdkafka-3.6.1.tgz) # the npm package that holds the whole source of librdkafka 2.12.0
set(rdkafka_sha256 148f7e7b65c510314c70762d8f1be052c8fe1fdf03a128e6c78083a729a57a30)
# WITH_SASL is Cyrus, which only GSSAPI needs: without it SCRAM and OAUTHBEARER are asked for by themselves. With curl, without which this
# version does not compile. -O1 takes half the time of CMake's -O3 to compile, and who uses it waits for brokers.
set(rdkafka_flags -DCMAKE_BUILD_TYPE=Release "-DCMAKE_C_FLAGS_RELEASE=-O1 -DNDEBUG" -DCMAKE_POSITION_INDEPENDENT_CODE=ON
  -DRDKAFKA_BUILD_STATIC=ON -DRDKAFKA_BUILD_EXAMPLES=OFF -DRDKAFKA_BUILD_TESTS=OFF -DWITH_CURL=ON -DWITH_SSL=ON -DWITH_ZLIB=ON -DWITH_ZSTD=ON
  -DWITH_SASL=OFF -DWITH_SASL_SCRAM=ON -DWITH_SASL_OAUTHBEARER=ON -DENABLE_LZ4_EXT=OFF)

if(NOT "$ENV{MILLRACE_CACHE}" STREQUAL "") # as scripts/terminal.sh: one that is set and empty says nothing
  set(rdkafka_cache $ENV{MILLRACE_CACHE})
elseif(NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(rdkafka_cache $ENV{XDG_CACHE_HOME}/millrace)
else()
  set(rdkafka_cache $ENV{HOME}/.cache/millrace)
endif()

find_package(CURL REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)
find_library(RDKAFKA_ZSTD zstd REQUIRED)
find_program(RDKAFKA_CC cc REQUIRED) # the same whatever compiles us, so that all presets share one archive

# Another compiler, another OpenSSL or other flags make another archive.
execute_process(COMMAND ${RDKAFKA_CC} --version OUTPUT_VARIABLE rdkafka_cc_version COMMAND_ERROR_IS_FATAL ANY)
string(SHA256 rdkafka_key "${rdkafka_sha256} pthreads metadata-without-brokers offsets-without-group epochs-and-beginning-of-a-new-topic leaders-of-groups-age ${rdkafka_flags} ${rdkafka_cc_version} ${OPENSSL_VERSION} ${CURL_VERSION_STRING}")
string(SUBSTRING ${rdkafka_key} 0 12 rdkafka_key)
set(rdkafka_prefix ${rdkafka_cache}/librdkafka/${rdkafka_version}-${rdkafka_key})

# Replaces `old`, which must be there, in a source file.
function(mend_rdkafka file old new)
  file(READ ${file} text)
  string(REPLACE "${old}" "${new}" mended "${text}")
  if(mended STREQUAL text)
    message(FATAL_ERROR "librdkafka ${rdkafka_version}: ${file} does not look as expected, see cmake/librdkafka.cmake")
  endif()
  file(WRITE ${file} "${mended}")
endfunction()

function(millrace_build_rdkafka)
  set(archive ${rdkafka_cache}/source/${rdkafka_archive})
  if(NOT EXISTS ${archive})
    message(FATAL_ERROR "${archive} is missing: run scripts/setup (or scripts/assets), which fetches it")
  endif()
  file(SHA256 ${archive} sha256)
  if(NOT sha256 STREQUAL rdkafka_sha256)
    message(FATAL_ERROR "${archive} is not the pinned one: remove it and run scripts/assets")
  endif()
  message(STATUS "Building librdkafka ${rdkafka_version} into ${rdkafka_prefix}, once")
  set(work ${rdkafka_prefix}.new)
  file(REMOVE_RECURSE ${work})
  file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${work} PATTERNS "package/deps/librdkafka/*")
  set(source ${work}/package/deps/librdkafka)
  # Its threads shall be pthreads: a program under the thread sanitizer crashes in those of C11, which g++ 12's does not know.
  file(WRITE ${source}/packaging/cmake/try_compile/c11threads_test.c "#error pthreads are wanted\n")
  # A broker that was stopped for a while answers that there are topics and no brokers. From 2.10 on a client believes it, forgets every
  # broker, and never connects again (issue 5301 of librdkafka). An answer without brokers is to be asked for again, as one without topics is.
  mend_rdkafka(${source}/src/rdkafka_metadata.c "if (md->broker_cnt == 0 && md->topic_cnt == 0) {" "if (md->broker_cnt == 0) {")
  # Offsets of any group may be asked for without being in one. A broker that does not lead the group any more says so, and the client then
  # asks its own group for its leader: the one it does not have (issue 5040 of librdkafka: it crashes).
  mend_rdkafka(${source}/src/rdkafka_request.c
    "if (actions & RD_KAFKA_ERR_ACTION_REFRESH) {\n                /* Re-query for coordinator */\n                rd_kafka_cgrp_op(rkb->rkb_rk->rk_cgrp,"
    "if ((actions & RD_KAFKA_ERR_ACTION_REFRESH) && rkb->rkb_rk->rk_cgrp) {\n                /* Re-query for coordinator */\n                rd_kafka_cgrp_op(rkb->rkb_rk->rk_cgrp,")
  # A topic that is deleted and made anew counts the epochs of its leaders and its offsets from the beginning. A client that knew the old one takes
  # what it is told of the new one for outdated, and goes on asking and writing to the leaders of the old one until it is started anew; and it reads
  # on at the old one's offset, beyond records that it has not read. Another topic's epochs are not compared, and it is read as auto.offset.reset says.
  mend_rdkafka(${source}/src/rdkafka_topic.c "rkt->rkt_topic_id = mdit->topic_id;\n                }"
    "rd_bool_t was_known = rd_kafka_Uuid_cmp(rkt->rkt_topic_id, RD_KAFKA_UUID_ZERO) != 0;
                        rkt->rkt_topic_id = mdit->topic_id;
                        for (j = 0; j < rkt->rkt_partition_cnt; j++) {
                                rd_kafka_toppar_t *rktp = rkt->rkt_p[j];
                                rd_kafka_toppar_lock(rktp);
                                rktp->rktp_leader_epoch = -1;
                                if (was_known && rk->rk_type == RD_KAFKA_CONSUMER &&
                                    (rktp->rktp_fetch_state == RD_KAFKA_TOPPAR_FETCH_ACTIVE ||
                                     rktp->rktp_fetch_state == RD_KAFKA_TOPPAR_FETCH_VALIDATE_EPOCH_WAIT)) {
                                        rktp->rktp_lo_offset = RD_KAFKA_OFFSET_INVALID;
                                        rktp->rktp_last_next_fetch_start.offset = RD_KAFKA_OFFSET_INVALID;
                                        rd_kafka_offset_reset(rktp, RD_KAFKA_NODEID_UA, rktp->rktp_offsets.fetch_pos,
                                                              RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID, \"the topic was made anew\");
                                }
                                rd_kafka_toppar_unlock(rktp);
                        }
                }")
  # Who leads a group is remembered for as long as it is asked for often enough, also when the broker says that it does not lead it any more: an
  # admin client then asks it in vain for ever. What is known for ten seconds is asked for anew.
  mend_rdkafka(${source}/src/rdkafka_coord.c "cce->cce_ts_used = rd_clock();\n                        if (TAILQ_FIRST("
    "if (rd_clock() - cce->cce_ts_used > 10 * 1000000) {
                                rd_kafka_coord_cache_entry_destroy(cc, cce);
                                return NULL;
                        }
                        if (TAILQ_FIRST(")
  foreach(step configure build)
    if(step STREQUAL "configure")
      set(command ${CMAKE_COMMAND} -S ${source} -B ${work}/build -G Ninja -DCMAKE_C_COMPILER=${RDKAFKA_CC} ${rdkafka_flags})
    else()
      set(command ${CMAKE_COMMAND} --build ${work}/build --target rdkafka)
    endif()
    execute_process(COMMAND ${command} RESULT_VARIABLE failed OUTPUT_FILE ${work}/${step}.log ERROR_FILE ${work}/${step}.log)
    if(failed)
      message(FATAL_ERROR "librdkafka: ${step} failed, see ${work}/${step}.log")
    endif()
  endforeach()
  set(out ${work}/out)
  file(COPY ${source}/src/rdkafka.h DESTINATION ${out}/include/librdkafka)
  file(COPY ${work}/build/src/librdkafka.a DESTINATION ${out}/lib)
  file(COPY ${source}/LICENSES.txt DESTINATION ${out})
  file(RENAME ${out} ${rdkafka_prefix}) # whole or not at all
  file(REMOVE_RECURSE ${work})
endfunction()

if(NOT EXISTS ${rdkafka_prefix})
  file(MAKE_DIRECTORY ${rdkafka_cache}/librdkafka)
  file(LOCK ${rdkafka_cache}/librdkafka/.lock TIMEOUT 900)
  if(NOT EXISTS ${rdkafka_prefix}) # not built by another configure meanwhile
    millrace_build_rdkafka()
  endif()
  file(LOCK ${rdkafka_cache}/librdkafka/.lock RELEASE)
endif()

add_library(rdkafka::rdkafka STATIC IMPORTED)
set_target_properties(rdkafka::rdkafka PROPERTIES IMPORTED_LOCATION ${rdkafka_prefix}/lib/librdkafka.a)
target_include_directories(rdkafka::rdkafka INTERFACE ${rdkafka_prefix}/include)
target_link_libraries(rdkafka::rdkafka INTERFACE CURL::libcurl OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB ${RDKAFKA_ZSTD}
  Threads::Threads ${CMAKE_DL_LIBS} m)
