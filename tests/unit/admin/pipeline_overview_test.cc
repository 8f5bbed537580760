#include "admin/pipeline_overview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/memory/float_index.h"
#include "adapters/memory/instance_table.h"
#include "adapters/memory/memory_log.h"
#include "adapters/memory/memory_store.h"

namespace millrace::admin {
namespace {

core::Instance Working(std::string id, std::string role) {
  core::Instance instance;
  instance.id = std::move(id);
  instance.role = std::move(role);
  return instance;
}

const base::Status kAway{base::Code::kUnavailable, "no broker answers"};

/// A log whose topics can be away.
class FragileAdmin final : public core::LogAdmin {
 public:
  explicit FragileAdmin(core::LogAdmin& admin) : admin_(admin) {}

  base::Result<std::vector<core::TopicInfo>> ListTopics() override {
    if (away) return kAway.error();
    return admin_.ListTopics();
  }
  base::Status CreateTopic(const core::TopicSpec& spec) override { return admin_.CreateTopic(spec); }
  base::Status DeleteTopic(const std::string& name) override { return admin_.DeleteTopic(name); }
  base::Result<std::int64_t> EmptyTopic(const std::string& name) override { return admin_.EmptyTopic(name); }
  base::Status AlterTopic(const std::string& name, const core::TopicChange& change) override {
    return admin_.AlterTopic(name, change);
  }
  base::Result<core::TopicDescription> DescribeTopic(const std::string& name) override {
    return admin_.DescribeTopic(name);
  }
  base::Result<std::int64_t> ApplyRetention(core::Timestamp now) override { return admin_.ApplyRetention(now); }

  bool away = false;

 private:
  core::LogAdmin& admin_;
};

class PipelineOverviewTest : public testing::Test {
 protected:
  PipelineOverviewTest() {
    core::TopicSpec topic;
    topic.name = core::kUploadsTopic;
    topic.partitions = 2;
    EXPECT_TRUE(log_.admin().CreateTopic(topic));
    self_ = Working("self", core::kServerRole);
  }

  void Produce(int count) {
    for (int i = 0; i < count; ++i) {
      core::LogRecord record;
      record.position = {core::kUploadsTopic, 0, -1};
      EXPECT_TRUE(log_.producer().Produce({record}, base::Deadline::AfterSeconds(5)));
    }
  }

  PipelineStatus Status() {
    const auto status = overview_.Pipeline();
    EXPECT_TRUE(status);
    return status.value();
  }

  memory::MemoryStore store_;
  memory::MemoryLog log_;
  FragileAdmin log_admin_{log_.admin()};
  memory::FloatIndex index_;
  memory::InstanceTable instances_;
  base::Metrics metrics_;
  core::Instance self_;
  std::string outage_;
  PipelineOverview overview_{{store_.documents(),
                              store_.dead_letters(),
                              store_.outbox(),
                              log_admin_,
                              log_.groups(),
                              index_,
                              instances_,
                              [this] { return self_; },
                              [] { return Readiness::kReady; },
                              [this] { return outage_; },
                              {{"store", [](auto) { return base::Status(); }},
                               {"log", [this](auto) { return log_admin_.ListTopics() ? base::Status() : kAway; }}},
                              {{"document-uploads-retry-5s", "embedding-workers-retry-5s"}},
                              "cluster",
                              "model"},
                             metrics_};
};

TEST_F(PipelineOverviewTest, AddsUpWhatAllInstancesDo) {
  auto worker = Working("one", core::kWorkerRole);
  worker.in_flight = 5;
  worker.documents_per_second = 2;
  worker.chunks_per_second = 20;
  worker.tokens_per_second = 2000;
  ASSERT_TRUE(instances_.Beat(worker));
  worker.id = "two";
  ASSERT_TRUE(instances_.Beat(worker));
  ASSERT_TRUE(instances_.Beat(Working("other server", core::kServerRole)));
  ASSERT_TRUE(instances_.Beat(self_));
  self_.in_flight = 3;  // since its heartbeat
  self_.tokens_per_second = 500;
  const auto status = Status();
  EXPECT_EQ(status.workers, 2);
  EXPECT_EQ(status.servers, 2);
  EXPECT_EQ(status.in_flight, 13);
  EXPECT_EQ(status.documents_per_second, 4);
  EXPECT_EQ(status.chunks_per_second, 40);
  EXPECT_EQ(status.tokens_per_second, 4500);
}

TEST_F(PipelineOverviewTest, CountsItselfBeforeItsFirstHeartbeat) {
  self_.in_flight = 1;
  const auto status = Status();
  EXPECT_EQ(status.servers, 1);
  EXPECT_EQ(status.workers, 0);
  EXPECT_EQ(status.in_flight, 1);
  const auto instances = overview_.Instances();
  ASSERT_TRUE(instances);
  ASSERT_EQ(instances->size(), 1u);
  EXPECT_GT(instances->front().heartbeat, core::Now() - std::chrono::seconds(5));
}

TEST_F(PipelineOverviewTest, LagIsWhatTheWorkersHaveNotRead) {
  Produce(5);
  EXPECT_EQ(Status().total_lag, 5) << "no worker has ever been there";
  ASSERT_TRUE(log_.groups().ResetOffsets(core::kWorkersGroup, {{{core::kUploadsTopic, 0}, 3}}));
  const auto status = Status();
  EXPECT_EQ(status.total_lag, 2);
  ASSERT_EQ(status.lag.size(), 2u);
  EXPECT_EQ(status.lag[0].committed, 3);
  EXPECT_EQ(status.lag[0].high, 5);
  EXPECT_EQ(status.lag[1].committed, std::nullopt);
}

TEST_F(PipelineOverviewTest, WithoutTheLogItSaysWhatTheStoreKnows) {
  core::NewDocument document;
  document.content = "text";
  ASSERT_TRUE(store_.documents().Accept({&document, 1}, base::Deadline::AfterSeconds(5)));
  EXPECT_THAT(metrics_.Render(), testing::HasSubstr("millrace_dependency_up{dependency=\"log\"} 1"));
  log_admin_.away = true;
  const auto status = Status();
  EXPECT_EQ(status.log_trouble, "disconnected: no broker answers");
  EXPECT_EQ(status.total_lag, std::nullopt);
  EXPECT_EQ(status.retries_waiting, std::nullopt);
  EXPECT_TRUE(status.lag.empty());
  EXPECT_EQ(status.outbox_rows, 2);
  EXPECT_EQ(status.servers, 1);
  const std::string text = metrics_.Render();
  EXPECT_THAT(text, testing::HasSubstr("millrace_dependency_up{dependency=\"log\"} 0"));
  EXPECT_THAT(text, testing::HasSubstr("millrace_dependency_up{dependency=\"store\"} 1"));
  EXPECT_THAT(text, testing::HasSubstr("millrace_documents{status=\"queued\"} 1"));
}

TEST_F(PipelineOverviewTest, TimeLeftComesFromAllRates) {
  EXPECT_EQ(Status().seconds_left, 0);
  for (int i = 0; i < 6; ++i) {
    core::NewDocument document;
    document.content = "text";
    ASSERT_TRUE(store_.documents().Accept({&document, 1}, base::Deadline::AfterSeconds(5)));
  }
  EXPECT_EQ(Status().seconds_left, std::nullopt) << "nobody works";
  auto worker = Working("one", core::kWorkerRole);
  worker.documents_per_second = 1.5;
  ASSERT_TRUE(instances_.Beat(worker));
  EXPECT_EQ(Status().seconds_left, 4);
}

TEST_F(PipelineOverviewTest, MessagesOfOthersTakeTimeToo) {
  Produce(3);
  EXPECT_EQ(Status().seconds_left, std::nullopt) << "nobody works";
  auto worker = Working("one", core::kWorkerRole);
  worker.documents_per_second = 1.5;
  ASSERT_TRUE(instances_.Beat(worker));
  EXPECT_EQ(Status().seconds_left, 2);
}

TEST_F(PipelineOverviewTest, MetricsShowWhatThisServerDoes) {
  auto worker = Working("one", core::kWorkerRole);
  worker.in_flight = 5;
  ASSERT_TRUE(instances_.Beat(worker));
  self_.in_flight = 2;
  Produce(1);
  const std::string text = metrics_.Render();
  EXPECT_THAT(text, testing::HasSubstr("millrace_in_flight_documents 2"));
  EXPECT_THAT(text,
              testing::HasSubstr(
                  R"(millrace_consumer_lag{group="embedding-workers",partition="0",topic="document-uploads"} 1)"));
}

TEST_F(PipelineOverviewTest, HealthIsWhatTheProbesSay) {
  EXPECT_THAT(overview_.Health(),
              testing::ElementsAre(testing::Pair("log", "connected"), testing::Pair("store", "connected")));
  EXPECT_EQ(overview_.mode(), "cluster");
}

TEST_F(PipelineOverviewTest, CountsRetriesApartFromTheLag) {
  core::TopicSpec topic;
  topic.name = "document-uploads-retry-5s";
  ASSERT_TRUE(log_.admin().CreateTopic(topic));
  core::LogRecord record;
  record.position = {topic.name, 0, -1};
  ASSERT_TRUE(log_.producer().Produce({record, record}, base::Deadline::AfterSeconds(5)));
  ASSERT_TRUE(log_.groups().ResetOffsets("embedding-workers-retry-5s", {{{topic.name, 0}, 1}}));
  const PipelineStatus status = Status();
  EXPECT_EQ(status.total_lag, 0);
  EXPECT_EQ(status.retries_waiting, 1);
  EXPECT_EQ(status.retry_lag.size(), 3u);
}

TEST_F(PipelineOverviewTest, TellsWhenConsumptionIsStopped) {
  EXPECT_FALSE(overview_.Health().contains("consumption"));
  outage_ = "stopped: the store is not available: disk full";
  EXPECT_EQ(overview_.Health()["consumption"], outage_);
}

}  // namespace
}  // namespace millrace::admin
