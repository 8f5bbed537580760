#include "unit/mysql_store/store_test.h"

/// Of the poison guard what only a store of several processes can see: whether another one lives.
namespace millrace::mysql {
namespace {

using Verdict = core::WorkOrder::Verdict;

class MysqlGuardTest : public MysqlStoreTest {
 protected:
  Verdict BeginAlone(core::DocumentId id, const std::string& worker) {
    core::Work work = OwnWork(id, 1);
    work.alone = true;
    const auto orders = a().effects.Begin({&work, 1}, worker, Soon());
    EXPECT_TRUE(orders) << orders.error().message;
    return orders->front().verdict;
  }

  void Beat(const std::string& worker) {
    core::Instance instance;
    instance.id = worker;
    instance.role = core::kWorkerRole;
    EXPECT_TRUE(processes_.instances().Beat(instance));
  }

  Server processes_{Shared().options()};
};

TEST_F(MysqlGuardTest, WhatALivingProcessRunsAloneWaitsForItsEnd) {
  const auto id = Accept(Keyless("t", "c"));
  Beat("one");
  EXPECT_EQ(BeginAlone(id, "one"), Verdict::kProcess);
  for (int ask = 0; ask < 3; ++ask) EXPECT_EQ(BeginAlone(id, "two"), Verdict::kWaitForDead);
  EXPECT_EQ(a().documents.Get(id)->attempts, 1);  // nothing was written
  program().Execute("UPDATE instances SET heartbeat = heartbeat - 11000");
  EXPECT_EQ(BeginAlone(id, "two"), Verdict::kProcess);
  Beat("two");
  EXPECT_EQ(BeginAlone(id, "three"), Verdict::kWaitForDead);
  EXPECT_TRUE(processes_.instances().Leave("two"));
  EXPECT_EQ(BeginAlone(id, "three"), Verdict::kQuarantined);
}

TEST_F(MysqlGuardTest, WhatALivingProcessRunsBesideOthersMayBeTaken) {  // it lost the partition
  const auto id = Accept(Keyless("t", "c"));
  Beat("one");
  const core::Work work = OwnWork(id, 1);
  ASSERT_TRUE(a().effects.Begin({&work, 1}, "one", Soon()));
  EXPECT_EQ(b().effects.Begin({&work, 1}, "two", Soon())->front().verdict, Verdict::kRunAlone);
  EXPECT_EQ(BeginAlone(id, "two"), Verdict::kProcess);
}

}  // namespace
}  // namespace millrace::mysql
