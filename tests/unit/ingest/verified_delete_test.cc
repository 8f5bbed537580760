#include "ingest/verified_delete.h"

#include <gtest/gtest.h>

#include <set>

#include "adapters/memory/instance_table.h"
#include "adapters/memory/memory_cache.h"
#include "adapters/memory/memory_log.h"
#include "adapters/memory/memory_store.h"

namespace millrace::ingest {
namespace {

base::Deadline Soon() { return base::Deadline::AfterSeconds(10); }

/// Deletes in the store and sends the event; a test decides what else follows.
class StoreIntake final : public Intake {
 public:
  StoreIntake(memory::MemoryStore& store, core::LogProducer& log) : store_(store), log_(log) {}

  base::Result<std::vector<core::Accepted>> Accept(std::span<const core::NewDocument> documents,
                                                   base::Deadline deadline) override {
    return store_.documents().Accept(documents, deadline);
  }
  base::Result<SyncOutcome> AcceptAndIndex(core::NewDocument, base::Deadline) override { return SyncOutcome{}; }
  base::Status Delete(core::DocumentId id, base::Deadline deadline) override {
    RETURN_IF_ERROR(store_.documents().Delete(id, deadline));
    if (sends) RETURN_IF_ERROR(Send());
    return {};
  }
  base::Result<core::DocumentRecord> WaitFor(core::DocumentId id, core::Version, base::Deadline) override {
    return store_.documents().Get(id);
  }

  base::Status Send() {
    ASSIGN_OR_RETURN(const auto rows, store_.outbox().Claim(100, 1 << 20, std::chrono::minutes(1)));
    for (const core::OutboxRow& row : rows) {
      core::LogRecord record = row.record.value_or(core::LogRecord{});
      record.position.topic = row.topic;
      record.key = "doc_" + std::to_string(row.document_id);
      ASSIGN_OR_RETURN(const auto written, log_.Produce({record}, Soon()));
      const core::Sent sent{row.id, *written.front()};
      RETURN_IF_ERROR(store_.outbox().MarkSent({&sent, 1}));
    }
    return {};
  }

  bool sends = true;

 private:
  memory::MemoryStore& store_;
  core::LogProducer& log_;
};

class VerifiedDeleteTest : public testing::Test {
 protected:
  VerifiedDeleteTest() {
    for (const char* topic : {core::kUploadsTopic, core::kEventsTopic}) {
      EXPECT_TRUE(log_.admin().CreateTopic({topic, 3, 1, {{"retention.ms", "1000000"}}}));
    }
    core::NewDocument document;
    document.title = "t";
    document.content = "c";
    id_ = intake_.Accept({&document, 1}, Soon())->front().id;
    EXPECT_TRUE(intake_.Send());
  }

  core::TopicPartition EventPartition() const {
    return {core::kEventsTopic, core::PartitionForKey("doc_" + std::to_string(id_), 3)};
  }
  void Beat(const std::string& id, const std::string& role, std::int64_t applied = 0) {
    core::Instance instance;
    instance.id = id;
    instance.role = role;
    instance.applied[EventPartition()] = applied;
    ASSERT_TRUE(instances_.Beat(instance));
  }
  DeleteReceipt Run(double seconds = 0) {
    const auto receipt = delete_.Run(id_, base::Deadline::AfterSeconds(seconds), Soon());
    EXPECT_TRUE(receipt) << receipt.error().message;
    return receipt ? *receipt : DeleteReceipt{};
  }

  memory::MemoryStore store_;
  memory::MemoryLog log_;
  memory::MemoryCache cache_;
  memory::InstanceTable instances_;
  StoreIntake intake_{store_, log_.producer()};
  std::set<core::DocumentId> indexed_;
  base::StopFlag stop_;
  VerifiedDelete delete_{{intake_, store_.traces(), instances_, log_.admin(), &cache_,
                          [this](core::DocumentId id) { return indexed_.contains(id); },
                          [] {
                            core::Instance self;
                            self.id = "self";
                            self.role = core::kServerRole;
                            return self;
                          },
                          stop_}};
  core::DocumentId id_ = 0;
};

TEST_F(VerifiedDeleteTest, AloneItIsItsOwnWitness) {
  const auto receipt = Run();
  EXPECT_TRUE(receipt.verified());
  EXPECT_FALSE(receipt.already_deleted);
  ASSERT_EQ(receipt.instances.size(), 1u);
  ASSERT_EQ(receipt.log.size(), 1u);
  EXPECT_EQ(receipt.log.front().record.position.topic, core::kUploadsTopic);
  EXPECT_GT(receipt.log.front().kept_until, receipt.checked_at);
  EXPECT_TRUE(Run().already_deleted);
}

TEST_F(VerifiedDeleteTest, WhatNeverWasIsNotFound) {
  EXPECT_EQ(delete_.Run(4711, Soon(), Soon()).error().code, base::Code::kNotFound);
}

TEST_F(VerifiedDeleteTest, AServerConfirmsOnceItHasFollowedTheDelete) {
  Beat("other", core::kServerRole, 1);  // the event of the acceptance
  auto receipt = Run();
  EXPECT_FALSE(receipt.verified());
  EXPECT_FALSE(receipt.instances.back().confirmed);
  Beat("other", core::kServerRole, 2);
  receipt = Run();
  EXPECT_TRUE(receipt.verified());
}

TEST_F(VerifiedDeleteTest, NobodyElseConfirmsWhileTheEventIsNotSent) {
  intake_.sends = false;
  Beat("other", core::kServerRole, 100);
  EXPECT_FALSE(Run().verified());
  ASSERT_TRUE(intake_.Send());
  EXPECT_TRUE(Run().verified());
}

TEST_F(VerifiedDeleteTest, AnIndexThatStillHasItIsNoWitness) {
  indexed_.insert(id_);
  const auto receipt = Run();
  EXPECT_EQ(receipt.index.left, 1);
  EXPECT_FALSE(receipt.verified());
}

TEST_F(VerifiedDeleteTest, KeysThatAreLeftAreCounted) {
  cache_.Set(core::VectorKey(id_, 0), "x");
  const auto receipt = Run();
  ASSERT_TRUE(receipt.cache);
  EXPECT_EQ(receipt.cache->found, 1);
  EXPECT_EQ(receipt.cache->left, 1);
  EXPECT_FALSE(receipt.verified());
}

}  // namespace
}  // namespace millrace::ingest
