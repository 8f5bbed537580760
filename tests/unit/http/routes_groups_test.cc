#include "unit/http/routes_fixture.h"

namespace millrace::http {
namespace {

class GroupRoutes : public LogRoutes {
 protected:
  void SetUp() override {
    CreateTopic("t", 2);
    Produce("t", 0, {"a", "b", "c"});
    Produce("t", 1, {"d"});
  }
  std::string Reset(const std::string& body) { return Ask("POST", "/v1/groups/g/reset", body).body; }
};

TEST_F(GroupRoutes, ShowsLagAndWhatWasNeverCommitted) {
  ASSERT_TRUE(fake_.memory_log.groups().ResetOffsets("g", {{{"t", 0}, 1}}));
  EXPECT_EQ(Ask("GET", "/v1/groups").body, R"({"groups":[{"name":"g","state":"Empty"}]})");
  EXPECT_EQ(Ask("GET", "/v1/groups/g").body, R"({"name":"g","state":"Empty","lag":3,"members":[],"partitions":[)"
                                             R"({"topic":"t","partition":0,"committed":1,"end":3,"lag":2},)"
                                             R"({"topic":"t","partition":1,"committed":null,"end":1,"lag":1}]})");
  EXPECT_EQ(Status("GET", "/v1/groups/other"), 404);
}

TEST_F(GroupRoutes, ShowsMembersWithTheirPartitions) {
  const auto member = fake_.memory_log.NewConsumer("g");
  ASSERT_TRUE(member->Subscribe({"t"}, {}));
  ASSERT_TRUE(member->Poll(10, base::Deadline::AfterSeconds(5)));
  const auto group = Get("/v1/groups/g");
  EXPECT_EQ(group.at("state"), "Stable");
  EXPECT_EQ(group.at("members").at(0).at("host"), "localhost");
  EXPECT_EQ(group.at("members").at(0).at("partitions").at(1).at("partition"), 1);
  EXPECT_EQ(group.at("lag"), 4);
}

TEST_F(GroupRoutes, AResetIsADryRunUnlessToldOtherwise) {
  ASSERT_TRUE(fake_.memory_log.groups().ResetOffsets("g", {{{"t", 0}, 1}}));
  EXPECT_EQ(Reset(R"({"topic":"t","to":"latest"})"),
            R"({"group":"g","topic":"t","executed":false,"members":0,"partitions":[)"
            R"({"partition":0,"from":1,"to":3},{"partition":1,"from":null,"to":1}]})");
  EXPECT_EQ(Get("/v1/groups/g").at("lag"), 3);
  EXPECT_EQ(Reset(R"({"topic":"t","to":"offset","offset":2,"partition":0,"execute":true})"),
            R"({"group":"g","topic":"t","executed":true,"members":0,"partitions":[{"partition":0,"from":1,"to":2}]})");
  EXPECT_EQ(Get("/v1/groups/g").at("lag"), 2);
  Reset(R"({"topic":"t","to":"earliest","execute":true})");
  EXPECT_EQ(Get("/v1/groups/g").at("lag"), 4);
  Reset(R"({"topic":"t","to":"time","time":"2100-01-01T00:00:00Z","execute":true})");
  EXPECT_EQ(Get("/v1/groups/g").at("lag"), 0);
  Reset(R"({"topic":"t","to":"time","time":"2001-01-01T00:00:00Z","execute":true})");
  EXPECT_EQ(Get("/v1/groups/g").at("lag"), 4);
}

TEST_F(GroupRoutes, AResetMakesAGroupOnlyWhenExecuted) {
  EXPECT_EQ(Status("POST", "/v1/groups/g/reset", R"({"topic":"t","to":"latest"})"), 200);
  EXPECT_EQ(Status("GET", "/v1/groups/g"), 404);
  EXPECT_EQ(Status("POST", "/v1/groups/g/reset", R"({"topic":"t","to":"latest","execute":true})"), 200);
  EXPECT_EQ(Get("/v1/groups/g").at("lag"), 0);
}

TEST_F(GroupRoutes, AGroupWithMembersIsLeftAlone) {
  const auto member = fake_.memory_log.NewConsumer("g");
  ASSERT_TRUE(member->Subscribe({"t"}, {}));
  ASSERT_TRUE(member->Poll(10, base::Deadline::AfterSeconds(5)));
  const auto plan = Json(Ask("POST", "/v1/groups/g/reset", R"({"topic":"t","to":"latest"})"));
  EXPECT_EQ(plan.at("members"), 1);
  EXPECT_EQ(Status("POST", "/v1/groups/g/reset", R"({"topic":"t","to":"latest","execute":true})"), 409);
  EXPECT_EQ(Status("DELETE", "/v1/groups/g"), 409);
  member->Close();
  EXPECT_EQ(Ask("DELETE", "/v1/groups/g").body, R"({"name":"g","status":"deleted"})");
  EXPECT_EQ(Status("DELETE", "/v1/groups/g"), 404);
}

TEST_F(GroupRoutes, AGroupSurvivesItsTopic) {
  ASSERT_TRUE(fake_.memory_log.groups().ResetOffsets("g", {{{"t", 0}, 1}}));
  ASSERT_TRUE(fake_.memory_log.admin().DeleteTopic("t"));
  EXPECT_EQ(Get("/v1/groups/g").at("lag"), 0);
}

TEST_F(GroupRoutes, RefusesWhatMakesNoSense) {
  EXPECT_EQ(Status("POST", "/v1/groups/g/reset", R"({"topic":"u","to":"latest"})"), 404);
  EXPECT_EQ(Status("POST", "/v1/groups/g/reset", R"({"topic":"t","to":"latest","partition":2})"), 404);
  for (const char* body :
       {R"({})", R"({"topic":"t"})", R"({"topic":"t","to":"middle"})", R"({"topic":"t","to":"offset"})",
        R"({"topic":"t","to":"offset","offset":2})", R"({"topic":"t","to":"latest","offset":1})",
        R"({"topic":"t","to":"time"})", R"({"topic":"t","to":"time","time":"noon"})",
        R"({"topic":"t","to":"latest","execute":1})", R"({"topic":"t","to":"latest","x":1})"}) {
    EXPECT_EQ(Status("POST", "/v1/groups/g/reset", body), 422) << body;
  }
  EXPECT_EQ(Status("GET", "/v1/groups/g"), 404);
}

}  // namespace
}  // namespace millrace::http
