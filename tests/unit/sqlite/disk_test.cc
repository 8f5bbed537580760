#include <thread>
#include <vector>

#include "unit/sqlite/temporary_store.h"

namespace millrace::sqlite {
namespace {

using base::Code;

TEST_F(StoreTest, AFullDiskRefusesWritesKeepsReadingAndRecovers) {
  options_.max_bytes = 2 << 20;
  const std::string content(100'000, 'x');
  std::vector<core::DocumentId> ids;
  base::Result<core::Accepted> accepted = Accept(content);
  for (; accepted && ids.size() < 100; accepted = Accept(content)) ids.push_back(accepted->id);
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().code, Code::kUnavailable);
  EXPECT_NE(accepted.error().message.find("full"), std::string::npos) << accepted.error().message;
  ASSERT_GE(ids.size(), 5u);
  EXPECT_EQ(db().documents().List({})->size(), ids.size());  // nothing of the refused one
  for (const auto id : ids) EXPECT_TRUE(db().contents().ReadPart(id, 1, 0));

  ASSERT_TRUE(db().documents().Delete(ids[0], Soon()));
  ASSERT_TRUE(db().documents().Delete(ids[1], Soon()));
  EXPECT_TRUE(Accept(content));
  EXPECT_TRUE(db().admin().Probe(std::chrono::seconds(5)));
}

TEST_F(StoreTest, OneThatDoesNotFitDoesNotTakeItsNeighboursAlong) {
  options_.max_bytes = 4 << 20;
  Open();
  std::vector<std::thread> callers;
  std::atomic<int> small = 0, large = 0;
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back([&, i] {
      const auto accepted = Accept(std::string(i % 4 == 0 ? 8 << 20 : 1000, 'x'));
      if (accepted) ++(i % 4 == 0 ? large : small);
      EXPECT_TRUE(accepted || accepted.error().code == Code::kUnavailable);
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(large, 0);
  EXPECT_EQ(small, 12);
  EXPECT_EQ(db().documents().List({})->size(), 12u);
}

}  // namespace
}  // namespace millrace::sqlite
