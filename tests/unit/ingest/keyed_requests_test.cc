#include "ingest/keyed_requests.h"

#include <gtest/gtest.h>

#include "adapters/memory/instance_table.h"
#include "adapters/memory/memory_store.h"

namespace millrace::ingest {
namespace {

using Kind = core::RequestState::Kind;

base::Deadline Soon() { return base::Deadline::AfterSeconds(10); }

/// The store's, which can be away.
class ShakyKeys final : public core::IdempotencyKeys {
 public:
  explicit ShakyKeys(core::IdempotencyKeys& inside) : inside_(inside) {}

  base::Result<core::RequestState> Begin(const core::RequestClaim& claim, base::Deadline deadline) override {
    if (away) return Away();
    return inside_.Begin(claim, deadline);
  }
  base::Status Finish(const std::string& id, const std::string& owner, const core::KeptAnswer& answer,
                      base::Deadline deadline) override {
    if (away) return Away();
    return inside_.Finish(id, owner, answer, deadline);
  }
  base::Status Release(const std::string& id, const std::string& owner, base::Deadline deadline) override {
    if (away) return Away();
    return inside_.Release(id, owner, deadline);
  }

  bool away = false;

 private:
  static base::Error Away() { return {base::Code::kUnavailable, "the store is away", {}}; }

  core::IdempotencyKeys& inside_;
};

class KeyedRequestsTest : public testing::Test {
 protected:
  Kind Begin(KeyedRequests& requests, const std::string& fingerprint = "f") {
    const auto state = requests.Begin("id", fingerprint, Soon());
    EXPECT_TRUE(state) << state.error().message;
    return state ? state->kind : Kind::kMismatch;
  }
  void Beat(const std::string& id) {
    core::Instance instance;
    instance.id = id;
    ASSERT_TRUE(instances_.Beat(instance));
  }

  memory::MemoryStore store_;
  ShakyKeys keys_{store_.idempotency_keys()};
  memory::InstanceTable instances_;
  base::Metrics metrics_, other_metrics_;
  KeyedRequests here_{{keys_, instances_}, "here", metrics_};
  KeyedRequests there_{{keys_, instances_}, "there", other_metrics_};
  const core::KeptAnswer answer_{200, "text/plain", "", "done"};
};

TEST_F(KeyedRequestsTest, OneOfTwoInAProcessRunsIt) {
  EXPECT_EQ(Begin(here_), Kind::kOurs);
  EXPECT_EQ(Begin(here_), Kind::kUnderWay);
  here_.End("id", answer_);
  EXPECT_EQ(Begin(here_), Kind::kAnswered);
  EXPECT_EQ(Begin(here_, "another"), Kind::kMismatch);
}

TEST_F(KeyedRequestsTest, ALivingProcessIsWaitedForADeadOneIsNot) {
  Beat("there");
  EXPECT_EQ(Begin(there_), Kind::kOurs);
  EXPECT_EQ(Begin(here_), Kind::kUnderWay);
  ASSERT_TRUE(instances_.Leave("there"));
  EXPECT_EQ(Begin(here_), Kind::kOurs);
  there_.End("id", answer_);  // it was not dead, but it lost the request
  Beat("here");
  EXPECT_EQ(Begin(there_), Kind::kUnderWay);
}

TEST_F(KeyedRequestsTest, WithoutAnAnswerItRunsAgain) {
  EXPECT_EQ(Begin(here_), Kind::kOurs);
  here_.End("id", std::nullopt);
  EXPECT_EQ(Begin(there_), Kind::kOurs);
}

TEST_F(KeyedRequestsTest, AnEndThatCouldNotBeWrittenDoesNotLockTheKeyHere) {
  Beat("here");
  EXPECT_EQ(Begin(here_), Kind::kOurs);
  keys_.away = true;
  here_.End("id", answer_);
  EXPECT_EQ(here_.Begin("id", "f", Soon()).error().code, base::Code::kUnavailable);
  keys_.away = false;
  EXPECT_EQ(Begin(there_), Kind::kUnderWay);
  EXPECT_EQ(Begin(here_), Kind::kOurs);
}

}  // namespace
}  // namespace millrace::ingest
