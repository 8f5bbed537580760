#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/router.h"
#include "unit/http/fake_services.h"

namespace millrace::http {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr core::Timestamp kMorning{seconds(1'768'473'000)};  // 2026-01-15T10:30:00Z

class AnalyticsRoutes : public testing::Test {
 protected:
  Response Get(std::string target) {
    Request request;
    request.method = "GET";
    request.target = std::move(target);
    request.headers.emplace_back("host", "localhost:8000");
    if (auto refusal = router_.Admit(request)) return *refusal;
    return router_.Run(request);
  }

  FakeServices fake_;
  Router router_{BuildRoutes(fake_.services()), AccessOptions{}, fake_.metrics};
};

TEST_F(AnalyticsRoutes, ShowsTheReport) {
  fake_.report.searches = 3;
  fake_.report.without_results = 1;
  fake_.report.latency = core::SearchLatency{1.5, 20, 30};
  fake_.report.top = {{"what", 2, 0}, {"why", 1, 1}};
  fake_.report.unanswered = {{"why", 1, 1}};
  fake_.report.buckets = {{kMorning, 3, 1, core::SearchLatency{1.5, 20, 30}}, {kMorning + hours(1), 0, 0, {}}};
  const Response response =
      Get("/v1/analytics/searches?from=2026-01-15T10:30:00Z&to=2026-01-15T14:30:00%2B02:00&step=3600&top=7");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body,
            R"({"from":"2026-01-15T10:30:00.000Z","to":"2026-01-15T12:30:00.000Z","step_seconds":3600,)"
            R"("searches":3,"without_results":1,"latency_ms":{"p50":1.5,"p95":20.0,"p99":30.0},)"
            R"("top":[{"query":"what","searches":2,"without_results":0},)"
            R"({"query":"why","searches":1,"without_results":1}],)"
            R"("unanswered":[{"query":"why","searches":1,"without_results":1}],)"
            R"("buckets":[{"start":"2026-01-15T10:30:00.000Z","searches":3,"without_results":1,)"
            R"("latency_ms":{"p50":1.5,"p95":20.0,"p99":30.0}},)"
            R"({"start":"2026-01-15T11:30:00.000Z","searches":0,"without_results":0,"latency_ms":null}]})");
  EXPECT_EQ(fake_.asked_range.from, kMorning);
  EXPECT_EQ(fake_.asked_range.to, kMorning + hours(2));
  EXPECT_EQ(fake_.asked_range.step, hours(1));
  EXPECT_EQ(fake_.asked_top, 7u);
}

TEST_F(AnalyticsRoutes, TheLastDayIsTheDefault) {
  EXPECT_EQ(Get("/v1/analytics/searches").status, 200);
  EXPECT_GT(fake_.asked_range.to, core::Now() - seconds(10));
  EXPECT_EQ(fake_.asked_range.to - fake_.asked_range.from, hours(24));
  EXPECT_EQ(fake_.asked_range.step, minutes(15));
  EXPECT_EQ(fake_.asked_top, 10u);
  EXPECT_EQ(Get("/v1/analytics/searches?to=2026-01-15T10:30:00Z").status, 200);
  EXPECT_EQ(fake_.asked_range.from, kMorning - hours(24));
}

TEST_F(AnalyticsRoutes, TheStepLeavesAChartReadable) {
  for (const auto& [from, step] :
       {std::pair("2026-01-15T09:30:00Z", seconds(minutes(1))), std::pair("2026-01-15T02:30:00Z", seconds(minutes(5))),
        std::pair("2026-01-08T10:30:00Z", seconds(hours(3))), std::pair("2025-12-15T10:30:00Z", seconds(hours(12))),
        std::pair("1970-01-01T00:00:00Z", seconds(hours(24 * 30)))}) {
    EXPECT_EQ(Get("/v1/analytics/searches?to=2026-01-15T10:30:00Z&from=" + std::string(from)).status, 200) << from;
    EXPECT_EQ(fake_.asked_range.step, step) << from;
  }
}

TEST_F(AnalyticsRoutes, SaysWhatIsWrong) {
  for (const auto& [query, pointer] :
       {std::pair("from=yesterday", "/from"), std::pair("from=", "/from"), std::pair("to=2026-01-15", "/to"),
        std::pair("to=2026-02-30T00:00:00Z", "/to"), std::pair("to=1969-12-31T23:59:59Z", "/to"),
        std::pair("step=59", "/step"), std::pair("step=61", "/step"), std::pair("step=1h", "/step"),
        std::pair("step=2592060", "/step"), std::pair("top=-1", "/top"), std::pair("top=1001", "/top"),
        std::pair("top=5&top=6", "/top"), std::pair("from=2026-01-15T10:30:00Z&to=2026-01-15T10:30:00Z", "/from"),
        std::pair("from=2026-01-15T10:30:00Z&to=2026-01-14T10:30:00Z", "/from"),
        std::pair("from=2026-01-01T00:00:00Z&to=2026-01-15T00:00:00Z&step=60", "/step")}) {
    const Response response = Get("/v1/analytics/searches?" + std::string(query));
    EXPECT_EQ(response.status, 422) << query;
    EXPECT_THAT(response.body, HasSubstr("\"pointer\":\"" + std::string(pointer) + "\"")) << query;
  }
  EXPECT_EQ(Get("/v1/analytics/searches?until=now").status, 422);
}

TEST_F(AnalyticsRoutes, ListsInstances) {
  core::Instance worker;
  worker.id = "ab";
  worker.role = core::kWorkerRole;
  worker.url = "http://host:9101";
  worker.version = "0.1.0";
  worker.started_at = kMorning;
  worker.heartbeat = kMorning + seconds(2);
  worker.partitions = {{"document-uploads", 1}};
  worker.applied = {{{"document-events", 2}, 9}};
  worker.in_flight = 4;
  worker.documents_per_second = 0.5;
  fake_.instances = {worker};
  EXPECT_EQ(Get("/v1/instances").body,
            R"({"instances":[{"id":"ab","role":"worker","url":"http://host:9101","version":"0.1.0",)"
            R"("started_at":"2026-01-15T10:30:00.000Z","heartbeat":"2026-01-15T10:30:02.000Z",)"
            R"("partitions":[{"topic":"document-uploads","partition":1}],)"
            R"("applied":[{"topic":"document-events","partition":2,"offset":9}],"in_flight":4,)"
            R"("rates":{"documents_per_second":0.5,"chunks_per_second":0.0,"tokens_per_second":0.0}}]})");
}

}  // namespace
}  // namespace millrace::http
