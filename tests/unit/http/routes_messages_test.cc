#include <atomic>
#include <thread>

#include "base/base64.h"
#include "unit/http/routes_fixture.h"

namespace millrace::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class MessageRoutes : public LogRoutes {
 protected:
  std::vector<std::string> Values(const boost::json::object& page) {
    std::vector<std::string> values;
    for (const auto& message : page.at("messages").as_array()) values.emplace_back(message.at("value").as_string());
    return values;
  }
  std::vector<std::string> Read(const std::string& query) { return Values(Get("/v1/topics/t/messages?" + query)); }
};

TEST_F(MessageRoutes, ShowsAMessageWhole) {
  CreateTopic("t");
  core::LogRecord record{
      {"t", 0, -1}, "key", "value", {{"h", "1"}, {"h", "2"}}, core::Timestamp(std::chrono::seconds(1))};
  ASSERT_TRUE(fake_.memory_log.producer().Produce({record}, base::Deadline::AfterSeconds(5)));
  EXPECT_EQ(Ask("GET", "/v1/topics/t/messages").body,
            R"({"messages":[{"topic":"t","partition":0,"offset":0,"timestamp":"1970-01-01T00:00:01.000Z","key":"key",)"
            R"("value":"value","headers":[{"name":"h","value":"1"},{"name":"h","value":"2"}]}],"next":"0:1"})");
}

TEST_F(MessageRoutes, WhatIsNotTextIsBase64) {
  CreateTopic("t");
  const std::string bytes("\xFF\0\x01", 3);
  core::LogRecord record{{"t", 0, -1}, bytes, bytes, {{"n\xFF", bytes}}, core::Now()};
  ASSERT_TRUE(fake_.memory_log.producer().Produce({record}, base::Deadline::AfterSeconds(5)));
  record = {{"t", 0, -1}, std::nullopt, std::nullopt, {}, core::Now()};
  ASSERT_TRUE(fake_.memory_log.producer().Produce({record}, base::Deadline::AfterSeconds(5)));
  const auto page = Get("/v1/topics/t/messages");
  const auto& first = page.at("messages").at(0).as_object();
  EXPECT_EQ(first.at("key"), "/wAB");
  EXPECT_EQ(first.at("key_encoding"), "base64");
  EXPECT_EQ(first.at("value"), "/wAB");
  EXPECT_EQ(first.at("encoding"), "base64");
  EXPECT_EQ(first.at("headers").at(0).at("name"), "n\uFFFD");
  EXPECT_EQ(first.at("headers").at(0).at("encoding"), "base64");
  const auto& second = page.at("messages").at(1).as_object();
  EXPECT_TRUE(second.at("key").is_null());
  EXPECT_TRUE(second.at("value").is_null());
  EXPECT_FALSE(second.contains("encoding"));
}

TEST_F(MessageRoutes, BeginsWhereItIsTold) {
  CreateTopic("t", 2);
  Produce("t", 0, {"a0", "a1", "a2", "a3"});
  Produce("t", 1, {"b0", "b1"});
  EXPECT_THAT(Read("from=beginning&partition=0"), ElementsAre("a0", "a1", "a2", "a3"));
  EXPECT_THAT(Read(""), UnorderedElementsAre("a0", "a1", "a2", "a3", "b0", "b1"));
  EXPECT_THAT(Read("from=end"), IsEmpty());
  EXPECT_THAT(Read("from=1"), UnorderedElementsAre("a1", "a2", "a3", "b1"));
  EXPECT_THAT(Read("from=3"), ElementsAre("a3")) << "beyond the end of the other partition";
  EXPECT_THAT(Read("from=-1"), UnorderedElementsAre("a3", "b1"));
  EXPECT_THAT(Read("from=-100"), UnorderedElementsAre("a0", "a1", "a2", "a3", "b0", "b1"));
  EXPECT_THAT(Read("from=0:3,1:1"), UnorderedElementsAre("a3", "b1"));
  EXPECT_THAT(Read("from=0:4"), UnorderedElementsAre("b0", "b1")) << "a partition that came later, from its beginning";
  EXPECT_THAT(Read("from=0:4,1:99"), UnorderedElementsAre("b0", "b1")) << "a topic made anew";
  EXPECT_THAT(Read("from=@-1h&partition=1"), ElementsAre("b0", "b1"));
  EXPECT_THAT(Read("from=@2026-01-15T10:30:00Z&partition=1"), ElementsAre("b0", "b1"));
  EXPECT_THAT(Read("from=@253402300799000"), IsEmpty());
}

TEST_F(MessageRoutes, PagesFollowEachOther) {
  CreateTopic("t", 2);
  std::vector<std::string> all;
  for (int i = 0; i < 90; ++i) all.push_back(std::to_string(i));
  Produce("t", 0, {all.begin(), all.begin() + 70});
  Produce("t", 1, {all.begin() + 70, all.end()});
  std::vector<std::string> seen;
  std::string from = "beginning";
  for (int pages = 0; pages < 20; ++pages) {
    const auto page = Get("/v1/topics/t/messages?limit=40&from=" + from);
    const auto values = Values(page);
    EXPECT_LE(values.size(), 40u);
    from = std::string(page.at("next").as_string());
    if (values.empty()) break;
    seen.insert(seen.end(), values.begin(), values.end());
  }
  EXPECT_EQ(from, "0:70,1:20");
  EXPECT_THAT(seen, testing::UnorderedElementsAreArray(all));
}

TEST_F(MessageRoutes, LargePagesEndEarly) {
  CreateTopic("t");
  for (int i = 0; i < 80; ++i) Produce("t", 0, {std::string(200'000, 'x')});
  const auto page = Get("/v1/topics/t/messages?limit=1000");
  const auto size = page.at("messages").as_array().size();
  EXPECT_GE(size, 21u);
  EXPECT_LE(size, 64u);
  EXPECT_EQ(page.at("next").as_string(), "0:" + std::to_string(size));
}

TEST_F(MessageRoutes, WaitsForAFirstMessageAndNoLonger) {
  CreateTopic("t");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_THAT(Read("from=end&timeout=0.3"), IsEmpty());
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(250));
  std::atomic<bool> answered = false;
  std::thread later([&] {
    while (!answered) {  // what comes before it has looked for the end is not for it
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      Produce("t", 0, {"came"});
    }
  });
  EXPECT_THAT(Read("from=end&timeout=20&limit=1"), ElementsAre("came"));
  answered = true;
  later.join();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(15));
}

TEST_F(MessageRoutes, SoManyReadersAndNoMore) {
  CreateTopic("t");
  std::vector<std::thread> readers;
  std::atomic<int> refused = 0;
  for (int i = 0; i < 20; ++i) {
    readers.emplace_back([&] {
      const int status = Status("GET", "/v1/topics/t/messages?from=end&timeout=3");
      refused += status == 503 ? 1 : 0;
    });
  }
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(Status("GET", "/v1/topics/t/messages"), 200);
}

TEST_F(MessageRoutes, RefusesWhatMakesNoSense) {
  CreateTopic("t");
  EXPECT_EQ(Status("GET", "/v1/topics/u/messages"), 404);
  EXPECT_EQ(Status("GET", "/v1/topics/t/messages?partition=1"), 404);
  for (const char* query :
       {"partition=-1", "partition=x", "from=soon",  "from=",           "from=-",
        "from=--1",     "from=0:",     "from=0:1,",  "from=:1",         "from=0:-1",
        "from=@",       "from=@-h",    "from=@-5x",  "from=@yesterday", "limit=0",
        "limit=1001",   "timeout=31",  "timeout=-1", "other=1",         "from=99999999999999999999"}) {
    EXPECT_EQ(Status("GET", std::string("/v1/topics/t/messages?") + query), 422) << query;
  }
}

TEST_F(MessageRoutes, ProducesOneMessage) {
  CreateTopic("t", 3);
  const Response sent =
      Ask("POST", "/v1/topics/t/messages", R"({"key":"k","value":"v","headers":{"h":"1"},"partition":2})");
  EXPECT_EQ(sent.status, 200);
  EXPECT_EQ(sent.body, R"({"topic":"t","partition":2,"offset":0})");
  const auto page = Get("/v1/topics/t/messages");
  EXPECT_EQ(page.at("messages").at(0).at("key"), "k");
  EXPECT_EQ(page.at("messages").at(0).at("headers").at(0).at("value"), "1");
  const auto placed = Json(Ask("POST", "/v1/topics/t/messages", R"({"key":"doc_1","value":null})"));
  EXPECT_EQ(placed.at("partition"), core::PartitionForKey("doc_1", 3));
}

TEST_F(MessageRoutes, ValuesKeepTheirKind) {
  CreateTopic("t");
  for (const char* body :
       {R"({"value":"text \u0000"})", R"({"value":{"a":[1,"b"]}})", R"({"value":7})", R"({"value_base64":"/wAB"})"}) {
    EXPECT_EQ(Status("POST", "/v1/topics/t/messages", body), 200) << body;
  }
  const auto reader = fake_.memory_log.NewConsumer("");
  ASSERT_TRUE(reader->Assign({{"t", 0, 0}}));
  const auto records = reader->Poll(10, base::Deadline::AfterSeconds(5));
  std::vector<std::string> values;
  for (const auto& record : *records) values.push_back(record.value.value());
  EXPECT_THAT(values, ElementsAre(std::string("text \0", 6), R"({"a":[1,"b"]})", "7", std::string("\xFF\0\x01", 3)));
}

TEST_F(MessageRoutes, ProducesLines) {
  CreateTopic("t");
  const Response sent = Ask("POST", "/v1/topics/t/messages", "{\"value\":\"a\"}\n\n{\"valu\":1}\n{\"value\":\"b\"}",
                            "application/x-ndjson");
  EXPECT_EQ(sent.status, 200);
  EXPECT_EQ(sent.content_type, "application/x-ndjson");
  EXPECT_THAT(sent.body,
              testing::StartsWith(
                  "{\"line\":1,\"topic\":\"t\",\"partition\":0,\"offset\":0}\n{\"line\":3,\"error\":{\"status\":422,"));
  EXPECT_THAT(sent.body, HasSubstr("\n{\"line\":4,\"topic\":\"t\",\"partition\":0,\"offset\":1}\n"));
  EXPECT_THAT(Read(""), ElementsAre("a", "b"));
}

TEST_F(MessageRoutes, RefusesMessagesThatCannotBe) {
  CreateTopic("t", 2);
  EXPECT_EQ(Status("POST", "/v1/topics/u/messages", R"({"value":"v"})"), 404);
  EXPECT_EQ(Status("POST", "/v1/topics/t/messages", "{"), 400);
  EXPECT_EQ(Ask("POST", "/v1/topics/t/messages", "{}", "text/plain").status, 415);
  for (const char* body :
       {R"({})", R"({"key":"k"})", R"({"value":"v","partition":2})", R"({"value":"v","partition":-1})",
        R"({"value":"v","key":1})", R"({"value":"v","value_base64":""})", R"({"value_base64":"?"})",
        R"({"value":"v","headers":{"h":1}})", R"({"value":"v","headers":{"":"x"}})", R"({"value":"v","other":1})"}) {
    EXPECT_EQ(Status("POST", "/v1/topics/t/messages", body), 422) << body;
  }
  EXPECT_THAT(Read(""), IsEmpty());
}

}  // namespace
}  // namespace millrace::http
