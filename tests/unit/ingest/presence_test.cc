#include "ingest/presence.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "adapters/memory/instance_table.h"
#include "unit/eventually.h"

namespace millrace::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ShakyInstances final : public core::Instances {
 public:
  base::Status Beat(const core::Instance& instance) override {
    ++beats;
    if (away) return {base::Code::kUnavailable, "the store is away"};
    return table_.Beat(instance);
  }
  base::Status Leave(const std::string& id) override {
    ++leaves;
    return table_.Leave(id);
  }
  base::Result<std::vector<core::Instance>> List() override { return table_.List(); }
  base::Result<bool> Acquire(const std::string& name, const std::string& holder, milliseconds duration) override {
    return table_.Acquire(name, holder, duration);
  }

  std::atomic<bool> away{false};
  std::atomic<int> beats{0}, leaves{0};

 private:
  memory::InstanceTable table_;
};

TEST(Presence, IsSeenAtOnceKeepsBeatingAndLeaves) {
  ShakyInstances instances;
  std::atomic<int> in_flight{3};
  Presence presence(instances, [&] {
    core::Instance self;
    self.id = "self";
    self.in_flight = in_flight;
    return self;
  });
  presence.Start();
  EXPECT_TRUE(Eventually([&] { return instances.List()->size() == 1; }));
  EXPECT_EQ(instances.List()->front().in_flight, 3);
  in_flight = 4;
  EXPECT_TRUE(Eventually([&] { return instances.List()->front().in_flight == 4; })) << "the next beat tells it";
  EXPECT_LE(instances.beats, 3);
  presence.Stop();
  EXPECT_TRUE(instances.List()->empty());
}

TEST(Presence, KeepsTryingWhileTheStoreIsAway) {
  ShakyInstances instances;
  instances.away = true;
  Presence presence(instances, [] { return core::Instance{}; });
  presence.Start();
  EXPECT_TRUE(Eventually([&] { return instances.beats >= 2; }));
  EXPECT_TRUE(instances.List()->empty());
  instances.away = false;
  EXPECT_TRUE(Eventually([&] { return instances.List()->size() == 1; }));
}

TEST(Presence, DoesNotWaitForAStoreThatIsAwayToTakeLeave) {
  ShakyInstances instances;
  instances.away = true;
  Presence presence(instances, [] { return core::Instance{}; });
  presence.Start();
  EXPECT_TRUE(Eventually([&] { return instances.beats >= 1; }));
  const auto begin = std::chrono::steady_clock::now();
  presence.Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(1));
  EXPECT_EQ(instances.leaves, 0);
}

TEST(NewInstanceId, IsLongAndNewEachTime) {
  EXPECT_EQ(NewInstanceId().size(), 32u);
  EXPECT_NE(NewInstanceId(), NewInstanceId());
}

}  // namespace
}  // namespace millrace::ingest
