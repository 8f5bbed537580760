#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "unit/http/routes_fixture.h"

namespace millrace::http {
namespace {

using admin::PipelineHistory;
using testing::HasSubstr;

/// Its pipeline is busier than any, or away.
class HistoryServices final : public FakeServices {
 public:
  base::Result<admin::PipelineStatus> Pipeline() override {
    if (away) return base::Error{base::Code::kUnavailable, "the store is away", {}};
    admin::PipelineStatus status;
    auto& counts = status.store.documents_by_status;
    counts[static_cast<std::size_t>(core::DocumentStatus::kQueued)] = 12'345'678;
    status.lag = {{core::kUploadsTopic, 0, core::kWorkersGroup, 0, 234'567'890, 222'222'222, 12'345'668}};
    status.total_lag = 12'345'668;
    status.documents_per_second = 31.0 / 30;
    status.chunks_per_second = 12345.0 / 7;
    return status;
  }

  bool away = false;
};

class HistoryRoutes : public testing::Test {
 protected:
  Response Get(std::string target) {
    Request request;
    request.method = "GET";
    request.target = std::move(target);
    request.headers = {{"host", "localhost:8000"}};
    if (auto refusal = router_.Admit(request)) return *refusal;
    return router_.Run(request);
  }
  std::size_t Samples(std::string target) {
    return boost::json::parse(Get(std::move(target)).body).at("at").as_array().size();
  }

  HistoryServices fake_;
  Router router_{BuildRoutes(fake_.services()), AccessOptions{}, fake_.metrics};
};

TEST_F(HistoryRoutes, ShowsSamplesAsColumns) {
  const core::Timestamp now = core::Now();
  fake_.history.Take(now - PipelineHistory::kStep);
  fake_.away = true;
  fake_.history.Take(now);
  const Response response = Get("/v1/status/history?minutes=5");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body,
              HasSubstr(R"("step_seconds":10,"at":[")" + core::FormatTimestamp(now - PipelineHistory::kStep) +
                        R"(",")" + core::FormatTimestamp(now) +
                        R"("],"published":[234567890,null],"committed":[222222222,null],"lag":[12345668,null],)"
                        R"("waiting":[12345678,null],"documents_per_second":[1.033,null],)"
                        R"("chunks_per_second":[1763.571,null]})"));
}

TEST_F(HistoryRoutes, TheLastHourIsTheDefault) {
  const core::Timestamp now = core::Now();
  for (const int ago : {350, 61, 59, 4}) fake_.history.Take(now - std::chrono::minutes(ago));
  EXPECT_EQ(Samples("/v1/status/history"), 2u);
  EXPECT_EQ(Samples("/v1/status/history?minutes=5"), 1u);
  EXPECT_EQ(Samples("/v1/status/history?minutes=360"), 4u);
}

TEST_F(HistoryRoutes, AnEmptyHistoryIsNoError) {
  EXPECT_THAT(Get("/v1/status/history").body, HasSubstr(R"("at":[],"published":[],)"));
}

TEST_F(HistoryRoutes, SixHoursOfABusyPipelineStaySmall) {
  const core::Timestamp now = core::Now();
  const auto kept = static_cast<std::int64_t>(PipelineHistory::kKept);
  for (std::int64_t i = kept; i-- > 0;) fake_.history.Take(now - i * PipelineHistory::kStep);
  const Response response = Get("/v1/status/history?minutes=360");
  EXPECT_GE(boost::json::parse(response.body).at("at").as_array().size(), PipelineHistory::kKept - 1);
  EXPECT_LT(response.body.size(), 200'000u);
}

TEST_F(HistoryRoutes, RefusesWhatIsNoSpan) {
  for (const std::string_view minutes : {"0", "361", "-1", "1.5", "ten", ""}) {
    const Response response = Get("/v1/status/history?minutes=" + std::string(minutes));
    EXPECT_EQ(response.status, 422) << minutes;
    EXPECT_THAT(response.body, HasSubstr(R"("pointer":"/minutes","detail":"must be an integer from 1 to 360")"));
  }
  EXPECT_EQ(Get("/v1/status/history?hours=1").status, 422);
}

}  // namespace
}  // namespace millrace::http
