#include <atomic>
#include <map>
#include <thread>

#include "contract/log_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using base::Deadline;
using std::chrono::milliseconds;
using testing::ElementsAre;

TEST_P(LogRecordContract, OffsetsAreDenseInEachPartition) {
  CreateTopic("t", 2);
  for (std::int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(Produce(MakeRecord("t", 0, "a")), (core::Position{"t", 0, i}));
    if (i < 2) {
      EXPECT_EQ(Produce(MakeRecord("t", 1, "b")), (core::Position{"t", 1, i}));
    }
  }
  EXPECT_EQ(WatermarksOf("t", 0).low, 0);
  EXPECT_EQ(WatermarksOf("t", 0).high, 5);
  EXPECT_EQ(WatermarksOf("t", 1).high, 2);
}

TEST_P(LogRecordContract, AKeyAlwaysGoesWhereKafkaPutsIt) {
  CreateTopic("t", 3);
  for (int id = 0; id < 20; ++id) {
    auto record = MakeRecord("t", -1, "v");
    record.key = "doc_" + std::to_string(id);
    EXPECT_EQ(Produce(record).partition, core::PartitionForKey(*record.key, 3));
  }
}

TEST_P(LogRecordContract, WithoutAKeyAnyPartitionWillDo) {
  CreateTopic("t", 3);
  for (int i = 0; i < 10; ++i) {
    const auto position = Produce(MakeRecord("t", -1, "v"));
    EXPECT_GE(position.partition, 0);
    EXPECT_LT(position.partition, 3);
  }
}

TEST_P(LogRecordContract, ARecordComesBackAsItWent) {
  CreateTopic("t");
  core::LogRecord record = MakeRecord("t", 0, std::string("v\0\xff", 3));
  record.key = std::string("k\0\xfe", 3);
  record.headers = {{"b", "2"}, {"a", std::string("\0\x80", 2)}, {"b", ""}};
  record.timestamp = core::Timestamp(milliseconds(1'705'314'600'123));
  Produce(record);
  core::LogRecord empty = MakeRecord("t", 0, "");
  empty.key = "";
  Produce(empty);
  core::LogRecord null = MakeRecord("t", 0, "");
  null.value.reset();
  Produce(null);
  log().Reopen();
  const auto consumer = Reading({"t", 0, 0});
  const auto records = PollFor(*consumer, 3);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].position, (core::Position{"t", 0, 0}));
  EXPECT_EQ(records[0].key, record.key);
  EXPECT_EQ(records[0].value, record.value);
  EXPECT_EQ(records[0].timestamp, record.timestamp);
  ASSERT_EQ(records[0].headers.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(records[0].headers[i].name, record.headers[i].name);
    EXPECT_EQ(records[0].headers[i].value, record.headers[i].value);
  }
  EXPECT_EQ(records[1].key, "");
  EXPECT_EQ(records[1].value, "");
  EXPECT_TRUE(records[1].headers.empty());
  EXPECT_FALSE(records[2].key.has_value());
  EXPECT_FALSE(records[2].value.has_value());
  EXPECT_EQ(records[2].position.offset, 2);
}

TEST_P(LogRecordContract, EachRecordHasAResultOfItsOwn) {
  CreateTopic("t");
  std::vector<core::LogRecord> records = {MakeRecord("t", 0, "a"), MakeRecord("unknown", -1, "b"),
                                          MakeRecord("t", 7, "c"), MakeRecord("t", 0, "d")};
  const auto positions = log().producer().Produce(std::move(records), Deadline::AfterSeconds(5));
  ASSERT_TRUE(positions);
  ASSERT_EQ(positions->size(), 4u);
  EXPECT_EQ(*(*positions)[0], (core::Position{"t", 0, 0}));
  EXPECT_EQ((*positions)[1].error().code, Code::kNotFound);
  EXPECT_EQ((*positions)[2].error().code, Code::kNotFound);
  EXPECT_EQ(*(*positions)[3], (core::Position{"t", 0, 1}));
}

TEST_P(LogRecordContract, RecordsOfOneCallKeepTheirOrder) {
  CreateTopic("t", 2);
  std::vector<core::LogRecord> records;
  for (int i = 0; i < 200; ++i) records.push_back(MakeRecord("t", i % 2, std::to_string(i)));
  ASSERT_TRUE(log().producer().Produce(std::move(records), Deadline::AfterSeconds(5)));
  const auto consumer = Reading({"t", 1, 0});
  int expected = 1;
  for (const auto& record : PollFor(*consumer, 100)) {
    EXPECT_EQ(record.value, std::to_string(expected));
    expected += 2;
  }
}

TEST_P(LogRecordContract, AssignReadsFromWhereItIsTold) {
  CreateTopic("t", 2);
  ProduceNumbers("t", 0, 0, 5);
  ProduceNumbers("t", 1, 10, 5);
  auto consumer = log().NewConsumer("");
  ASSERT_TRUE(consumer->Assign({{"t", 0, 3}, {"t", 1, 4}}));
  std::map<std::int32_t, std::vector<std::string>> values;
  for (const auto& record : PollFor(*consumer, 3)) values[record.position.partition].push_back(*record.value);
  EXPECT_THAT(values[0], ElementsAre("3", "4"));
  EXPECT_THAT(values[1], ElementsAre("14"));
  ASSERT_TRUE(consumer->Assign({{"t", 0, 1}}));  // instead of those before
  EXPECT_THAT(Values(PollFor(*consumer, 4)), ElementsAre("1", "2", "3", "4"));
}

TEST_P(LogRecordContract, ReadersWithoutAGroupDoNotShare) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 3);
  const auto a = Reading({"t", 0, 0}), b = Reading({"t", 0, 0});
  EXPECT_EQ(PollFor(*a, 3).size(), 3u);
  EXPECT_EQ(PollFor(*b, 3).size(), 3u);
  EXPECT_FALSE(a->Commit({{{"t", 0}, 3}}));
  EXPECT_FALSE(a->Subscribe({"t"}, {}));
  EXPECT_TRUE(log().groups().ListGroups()->empty());
}

TEST_P(LogRecordContract, AnOffsetOutOfRangeReadsOnFromTheEarliest) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 3);
  EXPECT_THAT(Values(PollFor(*Reading({"t", 0, 4}), 3)), ElementsAre("0", "1", "2"));
  EXPECT_THAT(Values(PollFor(*Reading({"t", 0, 1'000'000}), 3)), ElementsAre("0", "1", "2"));
  const auto at_end = Reading({"t", 0, 3});
  EXPECT_TRUE(PollDuring(*at_end, milliseconds(20)).empty());  // the end is in range
  ProduceNumbers("t", 0, 3, 1);
  EXPECT_THAT(Values(PollFor(*at_end, 1)), ElementsAre("3"));
}

TEST_P(LogRecordContract, PollKeepsToItsDeadlineAndItsBound) {
  CreateTopic("t");
  const auto consumer = Reading({"t", 0, 0});
  const auto begin = std::chrono::steady_clock::now();
  const auto none = consumer->Poll(10, Deadline::After(milliseconds(80)));
  const auto waited = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  EXPECT_GE(waited, milliseconds(75));
  EXPECT_LT(waited, milliseconds(3000));
  ProduceNumbers("t", 0, 0, 5);
  EXPECT_LE(consumer->Poll(2, Deadline::AfterSeconds(5))->size(), 2u);
}

TEST_P(LogRecordContract, AProduceWakesAPoll) {
  CreateTopic("t");
  const auto consumer = Reading({"t", 0, 0});
  std::thread producer([&] {
    std::this_thread::sleep_for(milliseconds(50));
    Produce(MakeRecord("t", 0, "v"));
  });
  const auto begin = std::chrono::steady_clock::now();
  const auto records = consumer->Poll(10, Deadline::AfterSeconds(20));
  producer.join();
  ASSERT_TRUE(records);
  EXPECT_EQ(records->size(), 1u);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(15'000)) << "before its deadline";
}

TEST_P(LogRecordContract, ProducersAtTheSameTimeLoseAndDoubleNothing) {
  constexpr int kThreads = 8, kEach = 50;
  CreateTopic("t", 2);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i) Produce(MakeRecord("t", i % 2, std::to_string(t) + "/" + std::to_string(i)));
    });
  }
  auto consumer = log().NewConsumer("");
  ASSERT_TRUE(consumer->Assign({{"t", 0, 0}, {"t", 1, 0}}));
  const auto records = PollFor(*consumer, kThreads * kEach);
  for (auto& thread : threads) thread.join();
  std::map<std::int32_t, std::int64_t> next;
  std::map<std::string, int> seen;
  for (const auto& record : records) {
    EXPECT_EQ(record.position.offset, next[record.position.partition]++);
    ++seen[*record.value];
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kThreads * kEach));
}

}  // namespace
}  // namespace millrace::contract
