#include "ingest/message_schemas.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ingest/failure_headers.h"

namespace millrace::ingest {
namespace {

using base::Code;
using base::Deadline;

class FakeRegistry final : public core::SchemaRegistry {
 public:
  base::Result<std::int32_t> Register(const std::string& subject, std::string_view, Deadline) override {
    std::lock_guard lock(mutex);
    if (down) return base::Error{Code::kUnavailable, "it is down", {}};
    if (refused == subject) return base::Error{Code::kConflict, "incompatible", {}};
    return static_cast<std::int32_t>(100 + subject.size());
  }
  base::Result<core::RegisteredSchema> Find(const core::SchemaReference& schema, Deadline) override {
    std::lock_guard lock(mutex);
    ++asked;
    if (down) return base::Error{Code::kUnavailable, "it is down", {}};
    const auto found = types.find(schema);
    if (found == types.end()) return base::Error{Code::kNotFound, "no such schema", {}};
    return core::RegisteredSchema{found->second};
  }
  base::Status Probe(Deadline) override { return {}; }

  void SetDown(bool is_down) {
    std::lock_guard lock(mutex);
    down = is_down;
  }
  void SetRefused(const std::string& subject) {
    std::lock_guard lock(mutex);
    refused = subject;
  }

  std::mutex mutex;
  bool down = false;
  std::string refused;
  std::map<core::SchemaReference, std::string> types;
  int asked = 0;
};

/// Remembers what came.
class FakeProducer final : public core::LogProducer {
 public:
  base::Result<std::vector<base::Result<core::Position>>> Produce(std::vector<core::LogRecord> records,
                                                                  Deadline) override {
    std::vector<base::Result<core::Position>> results;
    for (core::LogRecord& record : records) {
      results.emplace_back(core::Position{record.position.topic, 0, static_cast<std::int64_t>(taken.size())});
      taken.push_back(std::move(record));
    }
    return results;
  }
  std::vector<core::LogRecord> taken;
};

core::LogRecord RecordOf(const std::string& topic, std::optional<std::int32_t> id = {}) {
  core::LogRecord record;
  record.position.topic = topic;
  record.value = "{}";
  if (topic == core::kUploadsTopic && !id) record.headers = OwnHeaders(1, {});
  if (id) record.headers.push_back({core::kSchemaHeader, core::EncodeSchemaId(*id)});
  return record;
}

std::optional<std::int32_t> IdOf(const core::LogRecord& record) {
  const auto schema = core::SchemaOf(record).value();
  return schema ? std::optional(schema->id) : std::nullopt;
}

class MessageSchemasTest : public testing::Test {
 protected:
  std::unique_ptr<MessageSchemas> Make(std::set<std::string> framed = {}) {
    return std::make_unique<MessageSchemas>(
        registry, std::map<std::string, std::string_view>{{core::kUploadsTopic, "{}"}, {core::kEventsTopic, "{}"}},
        std::move(framed), metrics);
  }
  base::Status Check(MessageSchemas& schemas, std::int32_t id) {
    return schemas.Check(RecordOf(core::kUploadsTopic, id), false, Deadline::AfterSeconds(5));
  }

  base::Metrics metrics;
  FakeRegistry registry;
};

TEST_F(MessageSchemasTest, OurMessagesCarryTheIdOfTheirTopic) {
  const auto schemas = Make();
  schemas->Start();
  auto event = RecordOf(core::kEventsTopic), upload = RecordOf(core::kUploadsTopic), other = RecordOf("other");
  for (auto* record : {&event, &upload, &other}) ASSERT_TRUE(schemas->Mark(*record));
  EXPECT_EQ(IdOf(event), 121);
  EXPECT_EQ(IdOf(upload), 122);
  EXPECT_EQ(IdOf(other), std::nullopt);
  EXPECT_EQ(event.value, "{}");
}

TEST_F(MessageSchemasTest, AnothersMessageIsLeftAsItIs) {
  const auto schemas = Make({core::kUploadsTopic});
  schemas->Start();
  auto foreign = RecordOf(core::kUploadsTopic);
  foreign.headers = {{"their", "own"}};
  ASSERT_TRUE(schemas->Mark(foreign));
  EXPECT_EQ(IdOf(foreign), std::nullopt);
  auto with_id = RecordOf(core::kEventsTopic, 5);
  ASSERT_TRUE(schemas->Mark(with_id));
  EXPECT_EQ(IdOf(with_id), 5);
}

TEST_F(MessageSchemasTest, FramedByASwitch) {
  const auto schemas = Make({core::kEventsTopic});
  schemas->Start();
  auto event = RecordOf(core::kEventsTopic);
  ASSERT_TRUE(schemas->Mark(event));
  EXPECT_EQ(*event.value, core::EncodeSchemaId(121) + "{}");
  EXPECT_TRUE(event.headers.empty());
  ASSERT_TRUE(schemas->Mark(event)) << "a second time adds nothing";
  EXPECT_EQ(*event.value, core::EncodeSchemaId(121) + "{}");
}

TEST_F(MessageSchemasTest, WhileTheRegistryIsDownOnlyFramedTopicsWait) {
  registry.SetDown(true);
  const auto schemas = Make({core::kEventsTopic});
  schemas->Start();
  FakeProducer log;
  MarkingProducer producer(log, *schemas);
  const auto produce = [&] {
    return producer.Produce({RecordOf(core::kEventsTopic), RecordOf(core::kUploadsTopic)}, Deadline::AfterSeconds(5));
  };
  const auto outcomes = produce();
  ASSERT_TRUE(outcomes);
  ASSERT_EQ(outcomes->size(), 2U);
  EXPECT_EQ((*outcomes)[0].error().code, Code::kUnavailable);
  EXPECT_EQ((*outcomes)[1].value().topic, core::kUploadsTopic);
  ASSERT_EQ(log.taken.size(), 1U);
  EXPECT_EQ(IdOf(log.taken[0]), std::nullopt);

  registry.SetDown(false);
  const auto patience = Deadline::AfterSeconds(30);
  // One schema is registered after the other: the topic that does not wait gets its id a moment later.
  while (!(produce()->front() && IdOf(log.taken.back())) && !patience.expired()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(IdOf(log.taken.back()), 122);
  EXPECT_EQ(IdOf(log.taken[log.taken.size() - 2]), 121);
}

TEST_F(MessageSchemasTest, ARefusedSchemaHoldsUpNothingUntilItIsTaken) {
  registry.SetRefused("document-events-value");
  const auto schemas = Make();
  schemas->Start();
  auto event = RecordOf(core::kEventsTopic), upload = RecordOf(core::kUploadsTopic);
  for (auto* record : {&event, &upload}) ASSERT_TRUE(schemas->Mark(*record));
  EXPECT_EQ(IdOf(event), std::nullopt);
  EXPECT_EQ(IdOf(upload), 122);

  registry.SetRefused("");
  const auto patience = Deadline::AfterSeconds(30);
  while (!IdOf(event) && !patience.expired()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(schemas->Mark(event));
  }
  EXPECT_EQ(IdOf(event), 121);
}

TEST_F(MessageSchemasTest, ARefusedSchemaOfAFramedTopicHoldsUpNoOther) {
  registry.SetRefused("document-events-value");
  const auto schemas = Make({core::kEventsTopic});
  schemas->Start();
  auto event = RecordOf(core::kEventsTopic), upload = RecordOf(core::kUploadsTopic);
  EXPECT_EQ(schemas->Mark(event).error().code, Code::kUnavailable);
  ASSERT_TRUE(schemas->Mark(upload));
  EXPECT_EQ(IdOf(upload), 122);
}

TEST_F(MessageSchemasTest, ChecksWhatAMessageNames) {
  registry.types = {{{1, {}}, "JSON"}, {{2, {}}, "AVRO"}};
  const auto schemas = Make();
  EXPECT_TRUE(Check(*schemas, 1));
  EXPECT_EQ(Check(*schemas, 2).error().code, Code::kInvalidArgument);
  EXPECT_EQ(Check(*schemas, 3).error().code, Code::kNotFound);
  EXPECT_EQ(registry.asked, 3);
  for (const std::int32_t id : {1, 2, 3}) (void)Check(*schemas, id);
  EXPECT_EQ(registry.asked, 3) << "what was answered is not asked again";
  registry.types[{3, {}}] = "JSON";
  EXPECT_EQ(Check(*schemas, 3).error().code, Code::kNotFound);
  EXPECT_TRUE(schemas->Check(RecordOf(core::kUploadsTopic, 3), true, Deadline::AfterSeconds(5)));
  EXPECT_TRUE(Check(*schemas, 3));
  core::LogRecord none = RecordOf(core::kEventsTopic);
  EXPECT_TRUE(schemas->Check(none, false, Deadline::AfterSeconds(5)));
  none.headers.push_back({core::kSchemaHeader, "?"});
  EXPECT_EQ(schemas->Check(none, false, Deadline::AfterSeconds(5)).error().code, Code::kInvalidArgument);
}

TEST_F(MessageSchemasTest, ARegistryThatIsDownIsNoVerdict) {
  registry.types = {{{1, {}}, "JSON"}};
  registry.SetDown(true);
  const auto schemas = Make();
  EXPECT_EQ(Check(*schemas, 1).error().code, Code::kUnavailable);
  registry.SetDown(false);
  EXPECT_TRUE(Check(*schemas, 1));
}

TEST(ParseFramedTopics, NamesTopicsThatHaveSchemas) {
  EXPECT_TRUE(ParseFramedTopics("none")->empty());
  EXPECT_EQ(ParseFramedTopics("document-events, search-analytics").value(),
            (std::set<std::string>{core::kEventsTopic, core::kAnalyticsTopic}));
  for (const char* wrong : {"document-event", "document-events,,", ","})
    EXPECT_FALSE(ParseFramedTopics(wrong)) << wrong;
}

}  // namespace
}  // namespace millrace::ingest
