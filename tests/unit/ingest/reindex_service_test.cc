#include "ingest/reindex_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::ingest {
namespace {

using base::Code;
using base::Deadline;
using core::DocumentId;
using testing::ElementsAre;
using testing::IsEmpty;

const base::Error kNotAsked{Code::kInternal, "nobody asks for this here", {}};

/// Indexed documents 1 to `total`, of which those whose id is a multiple of `rare` have `{"rare": true}`.
class ManyDocuments : public core::DocumentStore, public core::Reindexer {
 public:
  ManyDocuments(DocumentId total, DocumentId rare) : total_(total), rare_(rare) {}

  base::Result<std::vector<core::DocumentRecord>> List(const core::DocumentQuery& query) override {
    std::vector<core::DocumentRecord> page;
    const DocumentId first = query.before ? *query.before - 1 : total_;
    for (DocumentId id = first; id > 0 && page.size() < query.limit; --id) {
      core::DocumentRecord& record = page.emplace_back();
      record.id = id;
      record.status = id % 2 == 0 ? core::DocumentStatus::kIndexed : core::DocumentStatus::kQueued;
      record.metadata["rare"] = core::MetadataScalar(id % rare_ == 0);
    }
    looked_at += page.size();
    return page;
  }
  base::Result<core::ReindexBatch> Reindex(const core::ReindexQuery& query, Deadline) override {
    return core::ReindexBatch{query.ids, {}};
  }

  base::Result<std::int64_t> Count(const core::ReindexQuery&) override { return total_; }
  base::Result<std::vector<core::Accepted>> Accept(std::span<const core::NewDocument>, Deadline) override {
    return kNotAsked;
  }
  base::Status Delete(DocumentId, Deadline) override { return kNotAsked; }
  base::Result<core::DocumentRecord> Get(DocumentId) override { return kNotAsked; }
  base::Result<std::vector<core::KeptVersion>> ListVersions(DocumentId, core::Version, std::size_t) override {
    return kNotAsked;
  }
  base::Result<core::StoreCounts> Counts() override { return kNotAsked; }

  std::size_t looked_at = 0;

 private:
  const DocumentId total_, rare_;
};

struct Service {
  Service(DocumentId total, DocumentId rare) : documents(total, rare) {
    selection.where = *core::ParseFilter(R"({"field": "metadata.rare", "equals": true})");
  }
  core::ReindexBatch Queue() {
    const auto batch = service.Queue(selection, Deadline::After(std::chrono::minutes(1)));
    EXPECT_TRUE(batch);
    selection.query.before = batch->cursor;
    return *batch;
  }

  ManyDocuments documents;
  int announced = 0;
  ReindexService service{documents, documents, [] { return base::Status(); }, [this] { ++announced; }};
  ReindexSelection selection;
};

TEST(ReindexServiceTest, WhatMatchesIsTakenOnce) {
  Service service(1000, 100);
  service.selection.query.limit = 4;
  EXPECT_THAT(service.Queue().queued, ElementsAre(1000, 900, 800, 700));
  EXPECT_THAT(service.Queue().queued, ElementsAre(600, 500, 400, 300));
  const auto last = service.Queue();
  EXPECT_THAT(last.queued, ElementsAre(200, 100));
  EXPECT_FALSE(last.cursor);
}

TEST(ReindexServiceTest, AFullCallThatWasTheLastSaysSo) {
  Service service(1000, 500);
  service.selection.query.limit = 2;
  const auto batch = service.Queue();
  EXPECT_THAT(batch.queued, ElementsAre(1000, 500));
  EXPECT_FALSE(batch.cursor);
}

TEST(ReindexServiceTest, ACallLooksAtSoManyAndGoesOn) {
  Service service(25'000, 24'000);
  EXPECT_THAT(service.Queue().queued, ElementsAre(24'000));
  EXPECT_EQ(service.documents.looked_at, 10'000u);
  EXPECT_EQ(service.announced, 1);
  EXPECT_THAT(service.Queue().queued, IsEmpty());
  const auto last = service.Queue();
  EXPECT_THAT(last.queued, IsEmpty());
  EXPECT_FALSE(last.cursor);
  EXPECT_EQ(service.documents.looked_at, 25'000u);
  EXPECT_EQ(service.announced, 1);
}

TEST(ReindexServiceTest, ACountLooksAtAllOfThem) {
  Service service(25'000, 1000);
  EXPECT_EQ(*service.service.Count(service.selection, Deadline::After(std::chrono::minutes(1))), 25);
  const auto late = service.service.Count(service.selection, Deadline::Expired());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
}

TEST(ReindexServiceTest, WhatIsUnderWayIsNeverTaken) {
  Service service(1000, 1);
  service.selection.query.limit = 1000;
  EXPECT_EQ(service.Queue().queued.size(), 500u);
}

}  // namespace
}  // namespace millrace::ingest
