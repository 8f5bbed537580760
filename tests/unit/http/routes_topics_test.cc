#include "unit/http/routes_fixture.h"

namespace millrace::http {
namespace {

using testing::HasSubstr;

class TopicRoutes : public LogRoutes {};

TEST_F(TopicRoutes, CreatesDescribesAndLists) {
  const Response created =
      Ask("POST", "/v1/topics", R"({"name":"t","partitions":2,"config":{"retention.ms":"60000"}})");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(Find(created.headers, "Location"), "/v1/topics/t");
  Produce("t", 1, {"a", "b"});
  EXPECT_EQ(Ask("GET", "/v1/topics/t").body,
            R"({"name":"t","partitions":2,"replication":1,"messages":2,"config":{"retention.ms":"60000"},"layout":[)"
            R"({"partition":0,"low":0,"high":0,"leader":1,"replicas":[1],"in_sync":[1]},)"
            R"({"partition":1,"low":0,"high":2,"leader":1,"replicas":[1],"in_sync":[1]}]})");
  EXPECT_EQ(Ask("GET", "/v1/topics").body,
            R"({"topics":[{"name":"t","partitions":2,"replication":1,"in_sync":1,"messages":2}]})");
  EXPECT_EQ(Json(Ask("POST", "/v1/topics", R"({"name":"u"})")).at("partitions"), 3);
}

TEST_F(TopicRoutes, TellsWhatIsWrongWithATopic) {
  CreateTopic("t");
  EXPECT_EQ(Status("POST", "/v1/topics", R"({"name":"t"})"), 409);
  EXPECT_EQ(Status("POST", "/v1/topics", "{"), 400);
  for (const char* body : {R"({})", R"({"name":"a b"})", R"({"name":"n","partitions":0})",
                           R"({"name":"n","replication":0})", R"({"name":"n","replication":2})",
                           R"({"name":"n","colour":"red"})", R"({"name":"n","config":{"retention.ms":5}})",
                           R"({"name":"n","config":{"no.such":"5"}})", R"({"name":"n","partitions":10000})"}) {
    const Response refused = Ask("POST", "/v1/topics", body);
    EXPECT_EQ(refused.status, 422) << body;
    EXPECT_THAT(refused.body, HasSubstr("\"pointer\":\"/")) << body;
  }
  EXPECT_EQ(Status("GET", "/v1/topics/u"), 404);
  EXPECT_EQ(Status("GET", "/v1/topics?limit=1"), 422);
}

TEST_F(TopicRoutes, AltersWhatItIsTold) {
  CreateTopic("t", 2);
  const auto altered = Json(Ask("PATCH", "/v1/topics/t", R"({"partitions":3,"config":{"retention.bytes":"5"}})"));
  EXPECT_EQ(altered.at("partitions"), 3);
  EXPECT_EQ(altered.at("config").at("retention.bytes"), "5");
  EXPECT_TRUE(
      Json(Ask("PATCH", "/v1/topics/t", R"({"config":{"retention.bytes":null}})")).at("config").as_object().empty());
  EXPECT_EQ(Status("PATCH", "/v1/topics/t", R"({"partitions":1})"), 422);
  EXPECT_EQ(Status("PATCH", "/v1/topics/t", R"({})"), 422);
  EXPECT_EQ(Status("PATCH", "/v1/topics/u", R"({"partitions":9})"), 404);
}

TEST_F(TopicRoutes, DeletesItsOwnTopicsOnlyByForce) {
  for (const std::string name :
       {"t", core::kUploadsTopic, core::kEventsTopic, core::kAnalyticsTopic, core::kWebhookRetriesTopic})
    CreateTopic(name);
  EXPECT_EQ(Ask("DELETE", "/v1/topics/t").body, R"({"name":"t","status":"deleted"})");
  EXPECT_EQ(Status("DELETE", "/v1/topics/t"), 404);
  for (const std::string name :
       {core::kUploadsTopic, core::kEventsTopic, core::kAnalyticsTopic, core::kWebhookRetriesTopic}) {
    EXPECT_EQ(Status("DELETE", "/v1/topics/" + name), 409);
    EXPECT_EQ(Status("DELETE", "/v1/topics/" + name + "?force=false"), 409);
    EXPECT_EQ(Status("GET", "/v1/topics/" + name), 200);
    EXPECT_EQ(Status("DELETE", "/v1/topics/" + name + "?force=true"), 200);
  }
  EXPECT_EQ(Status("DELETE", "/v1/topics/t?force=perhaps"), 422);
}

TEST_F(TopicRoutes, EmptiesATopic) {
  CreateTopic("t", 2);
  Produce("t", 0, {"a"});
  Produce("t", 1, {"b", "c"});
  EXPECT_EQ(Ask("DELETE", "/v1/topics/t/messages").body, R"({"name":"t","removed":3})");
  EXPECT_EQ(Ask("DELETE", "/v1/topics/t/messages").body, R"({"name":"t","removed":0})");
  const auto topic = Json(Ask("GET", "/v1/topics/t"));
  EXPECT_EQ(topic.at("messages"), 0);
  EXPECT_EQ(topic.at("layout").at(1).at("low"), 2);
  EXPECT_EQ(Status("DELETE", "/v1/topics/u/messages"), 404);
  EXPECT_EQ(Status("DELETE", "/v1/topics/t/messages?partition=1"), 422);  // not half of what was asked
}

TEST_F(TopicRoutes, EmptiesItsOwnTopicsOnlyByForce) {
  for (const std::string name : {core::kUploadsTopic, "document-uploads-retry-5s", core::kDeadLettersTopic}) {
    CreateTopic(name);
    Produce(name, 0, {"a"});
    const Response refused = Ask("DELETE", "/v1/topics/" + name + "/messages");
    EXPECT_EQ(refused.status, 409);
    EXPECT_THAT(refused.body, HasSubstr("force empties it"));
    EXPECT_EQ(Json(Ask("GET", "/v1/topics/" + name)).at("messages"), 1);
    EXPECT_EQ(Json(Ask("DELETE", "/v1/topics/" + name + "/messages?force=true")).at("removed"), 1);
  }
  EXPECT_EQ(Status("DELETE", "/v1/topics/document-uploads/messages?force=perhaps"), 422);
}

}  // namespace
}  // namespace millrace::http
