#include "ingest/failure_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/failure_route.h"
#include "ingest/upload_message.h"

namespace millrace::ingest {
namespace {

const core::StoreIdentity kStore{"store-1", 1};
const core::Timestamp kThen{std::chrono::milliseconds(1'705'314'600'123)};
const core::Timestamp kNow = kThen + std::chrono::seconds(60);

core::LogRecord Foreign() {
  core::LogRecord record;
  record.position = {core::kUploadsTopic, 2, 77};
  record.key = std::string("k\0\xff", 3);
  record.value = R"({"document_id":9,"content":"Text."})";
  record.headers = {{"trace", std::string("\x00\x01", 2)}, {"", "empty name"}, {"trace", "twice"}};
  record.timestamp = kThen;
  return record;
}

std::map<std::string, std::vector<std::string>> ByName(const core::LogRecord& record) {
  std::map<std::string, std::vector<std::string>> headers;
  for (const auto& [name, value] : record.headers) headers[name].push_back(value);
  return headers;
}

core::LogRecord Fail(const core::LogRecord& record, core::Version version, FailureClass kind, core::Timestamp now) {
  const FailureRoute route(kStore, ParseRetryDelays("5s,1m").value());
  const auto upload = TakeUpload(record, kStore);
  auto failure = route.Decide(upload, version, {{"embedding_failed", "why", "embed"}, kind}, now).failure;
  return failure.retry ? std::move(failure.retry->copy) : std::move(failure.dead_letter->copy);
}

TEST(FailureHeaders, ACopyKeepsWhatTheProducerWrote) {
  const core::LogRecord record = Foreign();
  const core::LogRecord copy = Fail(record, 4, FailureClass::kTransient, kNow);
  EXPECT_EQ(copy.position.topic, "document-uploads-retry-5s");
  EXPECT_EQ(copy.key, record.key);
  EXPECT_EQ(copy.value, record.value);
  for (std::size_t i = 0; i < record.headers.size(); ++i) {
    EXPECT_EQ(copy.headers[i].name, record.headers[i].name);
    EXPECT_EQ(copy.headers[i].value, record.headers[i].value);
  }
  const auto headers = ByName(copy);
  const std::vector<std::pair<const char*, std::string>> ours = {{"millrace-version", "4"},
                                                                 {"millrace-store", "store-1/1"},
                                                                 {"millrace-original-topic", "document-uploads"},
                                                                 {"millrace-original-partition", "2"},
                                                                 {"millrace-original-offset", "77"},
                                                                 {"millrace-original-timestamp", "1705314600123"},
                                                                 {"millrace-attempt", "1"},
                                                                 {"millrace-first-failure", "1705314660123"},
                                                                 {"millrace-not-before", "1705314665123"},
                                                                 {"millrace-error-class", "transient"},
                                                                 {"millrace-error-code", "embedding_failed"},
                                                                 {"millrace-error-message", "why"},
                                                                 {"millrace-error-stage", "embed"}};
  for (const auto& [name, value] : ours) EXPECT_THAT(headers.at(name), testing::ElementsAre(value)) << name;
  EXPECT_TRUE(headers.contains("millrace-worker-version"));
}

TEST(FailureHeaders, ALaterFailureReplacesTheEarlierOne) {
  core::LogRecord first = Fail(Foreign(), 4, FailureClass::kTransient, kNow);
  first.position = {"document-uploads-retry-5s", 0, 3};
  core::LogRecord second = Fail(first, 4, FailureClass::kTransient, kNow + std::chrono::seconds(9));
  EXPECT_EQ(second.position.topic, "document-uploads-retry-1m");
  second.position = {"document-uploads-retry-1m", 0, 0};
  const core::LogRecord dead = Fail(second, 4, FailureClass::kTransient, kNow + std::chrono::seconds(99));
  EXPECT_EQ(dead.position.topic, core::kDeadLettersTopic);
  const auto headers = ByName(dead);
  for (const auto& [name, values] : headers) {
    EXPECT_EQ(values.size(), name == "trace" ? 2u : 1u) << name;
  }
  EXPECT_EQ(headers.at("millrace-attempt").front(), "3");
  EXPECT_EQ(headers.at("millrace-original-offset").front(), "77");
  EXPECT_EQ(headers.at("millrace-first-failure").front(), "1705314660123");
  EXPECT_FALSE(headers.contains("millrace-not-before"));
}

TEST(FailureHeaders, ACopyIsReadAsItsOriginal) {
  core::LogRecord copy = Fail(Foreign(), 4, FailureClass::kTransient, kNow);
  copy.position = {"document-uploads-retry-5s", 0, 3};
  copy.timestamp = kNow;
  const auto upload = DecodeUpload(copy, kStore);
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->work.version, 4);
  EXPECT_EQ(upload->work.position, (core::Position{core::kUploadsTopic, 2, 77}));
  EXPECT_EQ(upload->work.timestamp, kThen);
  EXPECT_EQ(upload->trace.attempt, 1);
  EXPECT_EQ(upload->trace.not_before, kNow + std::chrono::seconds(5));
  EXPECT_EQ(upload->content, "Text.");
}

TEST(FailureHeaders, TheyCountOnlyBesideOurStore) {
  core::LogRecord copy = Fail(Foreign(), 4, FailureClass::kTransient, kNow);
  copy.position = {core::kUploadsTopic, 0, 3};
  for (const core::StoreIdentity& other : {core::StoreIdentity{"store-2", 1}, core::StoreIdentity{"store-2", 2},
                                           core::StoreIdentity{"store-1", 0}, core::StoreIdentity{"store-", 2}}) {
    const FailureTrace trace = ReadTrace(copy, other);
    EXPECT_FALSE(trace.of_earlier_epoch);
    EXPECT_EQ(trace.version, 0);
    EXPECT_EQ(trace.attempt, 0);
    EXPECT_EQ(trace.original, copy.position);
    EXPECT_FALSE(trace.not_before);
  }
}

TEST(FailureHeaders, OfAnEarlierEpochThePlaceCountsAndTheVersionDoesNot) {
  const core::LogRecord original = Foreign();
  core::LogRecord copy = Fail(original, 4, FailureClass::kTransient, kNow);
  copy.position = {core::kUploadsTopic, 0, 3};
  copy.headers.push_back({"millrace-dead-letter", "7"});
  const core::StoreIdentity restored{kStore.id, kStore.epoch + 1};
  const FailureTrace trace = ReadTrace(copy, restored);
  EXPECT_FALSE(trace.ours);
  EXPECT_TRUE(trace.of_earlier_epoch);
  EXPECT_EQ(trace.version, 0);
  EXPECT_EQ(trace.dead_letter, 0);
  EXPECT_EQ(trace.original, original.position);
  EXPECT_EQ(trace.attempt, 1);

  std::erase_if(copy.headers, [](const core::RecordHeader& header) { return header.name == "millrace-version"; });
  EXPECT_EQ(ReadTrace(copy, restored).original, copy.position) << "no version of anything: news where it lies";
}

TEST(FailureHeaders, NonsenseIsNoHeader) {
  core::LogRecord record = Foreign();
  record.headers = {{"millrace-store", "store-1/1"},
                    {"millrace-version", "-4"},
                    {"millrace-original-topic", "t"},
                    {"millrace-original-partition", "2"},
                    {"millrace-original-offset", "x"},
                    {"millrace-attempt", "99999999999999999999"},
                    {"millrace-not-before", "9999999999999999"},
                    {"millrace-dead-letter", "0"}};
  const FailureTrace trace = ReadTrace(record, kStore);
  EXPECT_EQ(trace.version, 0);
  EXPECT_EQ(trace.original, record.position);
  EXPECT_EQ(trace.attempt, 0);
  EXPECT_FALSE(trace.not_before);
  EXPECT_EQ(trace.dead_letter, 0);
}

TEST(FailureHeaders, ARedrivenVersionKeepsItsPlace) {
  core::DeadLetter letter;
  letter.id = 5;
  letter.version = 4;
  letter.original = {core::kUploadsTopic, 2, 77};
  letter.original_timestamp = kThen;
  const core::LogRecord source = Fail(Foreign(), 4, FailureClass::kPermanent, kNow);
  core::LogRecord record = RedrivenRecord(letter, {source.key, source.value, source.headers}, std::nullopt, kStore);
  EXPECT_EQ(record.position.topic, core::kUploadsTopic);
  EXPECT_EQ(record.value, source.value);
  record.position = {core::kUploadsTopic, 2, 90};
  const auto upload = DecodeUpload(record, kStore);
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->work.version, 4);
  EXPECT_EQ(upload->work.dead_letter, 5);
  EXPECT_EQ(upload->work.position, letter.original);
  EXPECT_EQ(upload->trace.attempt, 0) << "its attempts begin anew";
}

TEST(FailureHeaders, AnEditedOneIsNews) {
  core::DeadLetter letter;
  letter.id = 5;
  letter.version = 4;
  letter.original = {core::kUploadsTopic, 2, 77};
  core::LogRecord record = RedrivenRecord(letter, {}, R"({"document_id":9,"content":"Better."})", kStore);
  record.position = {core::kUploadsTopic, 2, 90};
  record.timestamp = kNow;
  const auto upload = DecodeUpload(record, kStore);
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->work.version, 0);
  EXPECT_EQ(upload->work.dead_letter, 5);
  EXPECT_EQ(upload->work.position, record.position);
  EXPECT_EQ(upload->work.timestamp, kNow);
  EXPECT_EQ(upload->work.content, "Better.");
}

TEST(RetryTopics, AreNamedByTheirDelays) {
  const auto topics = ParseRetryDelays(" 5s, 60s,10m ,1h");
  ASSERT_TRUE(topics);
  std::vector<std::string> names;
  for (const RetryTopic& topic : *topics) names.push_back(topic.name);
  EXPECT_THAT(names, testing::ElementsAre("document-uploads-retry-5s", "document-uploads-retry-1m",
                                          "document-uploads-retry-10m", "document-uploads-retry-1h"));
  EXPECT_EQ(topics->front().group, "embedding-workers-retry-5s");
  EXPECT_TRUE(ParseRetryDelays("")->empty());
  for (const char* wrong : {"5", "5x", "s", "0s", "-1s", "25h", "1m,60s", ",5s", "1s,2s,3s,4s,5s,6s,7s,8s,9s"}) {
    EXPECT_FALSE(ParseRetryDelays(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace millrace::ingest
