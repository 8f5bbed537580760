#include <algorithm>

#include "unit/http/routes_fixture.h"

namespace millrace::http {
namespace {

class DeadLetterRoutes : public LogRoutes {
 protected:
  void Add(std::int64_t offset, std::string value, std::string code = "bad_message") {
    core::DeadLetterDraft draft;
    draft.original = {core::kUploadsTopic, 0, offset};
    draft.original_timestamp = core::Timestamp(std::chrono::milliseconds(1'705'314'600'123));
    draft.error = {std::move(code), "why", "decode"};
    draft.copy.position.topic = core::kDeadLettersTopic;
    draft.copy.key = "k";
    draft.copy.value = std::move(value);
    draft.copy.headers = {{"a", "b"}, {"millrace-store", "store-1/1"}};
    ASSERT_TRUE(fake_.store.effects().DeadLetter({&draft, 1}, base::Deadline::AfterSeconds(5)));
  }
  boost::json::object Post(std::string target, std::string body) { return Json(Ask("POST", target, body)); }
};

TEST_F(DeadLetterRoutes, ListsThemNewestFirstWithTheirReasons) {
  Add(1, "one");
  Add(2, "two", "other");
  Add(3, "three");
  const auto all = Get("/v1/dead-letters?limit=2");
  EXPECT_EQ(all.at("matched"), 3);
  EXPECT_EQ(all.at("dead_letters").at(0).at("original").at("offset"), 3);
  EXPECT_EQ(all.at("dead_letters").at(0).at("document_id"), nullptr);
  EXPECT_EQ(all.at("reasons").at(0).at("code"), "bad_message");
  EXPECT_EQ(all.at("reasons").at(0).at("count"), 2);
  const std::string cursor(all.at("next_cursor").as_string());
  EXPECT_EQ(Get("/v1/dead-letters?limit=2&cursor=" + cursor).at("dead_letters").as_array().size(), 1u);
  EXPECT_EQ(Get("/v1/dead-letters?code=other").at("matched"), 1);
  EXPECT_EQ(Get("/v1/dead-letters?since=2999-01-01T00:00:00Z").at("matched"), 0);
  EXPECT_EQ(Status("GET", "/v1/dead-letters?until=never"), 422);
  EXPECT_EQ(Status("GET", "/v1/dead-letters?redriven=perhaps"), 422);
}

TEST_F(DeadLetterRoutes, ShowsOneWithItsMessage) {
  Add(1, std::string("\xff\x00", 2));
  const auto id = Get("/v1/dead-letters").at("dead_letters").at(0).at("id").as_int64();
  const auto letter = Get("/v1/dead-letters/" + std::to_string(id));
  EXPECT_EQ(letter.at("message").at("value"), "/wA=");
  EXPECT_EQ(letter.at("message").at("encoding"), "base64");
  EXPECT_EQ(letter.at("message").at("offset"), 1);
  EXPECT_EQ(letter.at("message").at("headers").as_array().size(), 1u) << "without ours";
  EXPECT_EQ(Status("GET", "/v1/dead-letters/4711"), 404);
  EXPECT_EQ(Status("GET", "/v1/dead-letters/x"), 422);
}

TEST_F(DeadLetterRoutes, RedrivesAreDryUnlessToldOtherwise) {
  Add(1, "one");
  const auto plan = Post("/v1/dead-letters/redrive", R"({"filter":{}})");
  EXPECT_EQ(plan.at("dry_run"), true);
  EXPECT_EQ(plan.at("results").at(0).at("result"), "would_redrive");
  EXPECT_EQ(Get("/v1/dead-letters?redriven=true").at("matched"), 0);
  const auto done = Post("/v1/dead-letters/redrive", R"({"filter":{},"dry_run":false})");
  EXPECT_EQ(done.at("results").at(0).at("result"), "redriven");
  EXPECT_EQ(Get("/v1/dead-letters?redriven=true").at("matched"), 1);
  const auto id = done.at("results").at(0).at("id").as_int64();
  const auto again = Post("/v1/dead-letters/redrive", R"({"ids":[)" + std::to_string(id) + R"(],"dry_run":false})");
  EXPECT_EQ(again.at("results").at(0).at("result"), "refused");
  EXPECT_EQ(again.at("results").at(0).at("error").at("status"), 409);
}

TEST_F(DeadLetterRoutes, AnEditedOneMustBeAnUpload) {
  Add(1, "one");
  const auto id = std::to_string(Get("/v1/dead-letters").at("dead_letters").at(0).at("id").as_int64());
  const std::string path = "/v1/dead-letters/" + id + "/redrive";
  for (const char* body :
       {R"({"value":"no json"})", R"({"value":null})", R"({"value":{"content":"x"}})", R"({"other":1})"}) {
    EXPECT_EQ(Status("POST", path, body), 422) << body;
  }
  EXPECT_EQ(Status("POST", path, R"({"value":{"document_id":5,"content":"x"}})"), 200);
  EXPECT_EQ(Status("POST", path), 409) << "it is under way";
}

TEST_F(DeadLetterRoutes, PurgesWhatIsNamed) {
  Add(1, "one");
  Add(2, "two", "other");
  EXPECT_EQ(Post("/v1/dead-letters/purge", R"({"filter":{"code":"other"}})").at("purged"), 0);
  EXPECT_EQ(Post("/v1/dead-letters/purge", R"({"filter":{"code":"other"},"dry_run":false})").at("purged"), 1);
  EXPECT_EQ(Get("/v1/dead-letters").at("matched"), 1);
  for (const char* body :
       {"{}", R"({"ids":[]})", R"({"ids":[1],"filter":{}})", R"({"ids":[0]})", R"({"filter":{},"x":1})"}) {
    EXPECT_EQ(Status("POST", "/v1/dead-letters/purge", body), 422) << body;
  }
}

TEST_F(DeadLetterRoutes, ExportsALineEach) {
  EXPECT_EQ(Ask("GET", "/v1/dead-letters/export").body, "");
  for (int i = 0; i < 40; ++i) Add(i, "value");
  auto response = Ask("GET", "/v1/dead-letters/export");
  std::string text = response.body;
  while (true) {
    const auto part = response.next_part();
    ASSERT_TRUE(part);
    if (part->empty()) break;
    text += *part;
  }
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 40);
}

}  // namespace
}  // namespace millrace::http
