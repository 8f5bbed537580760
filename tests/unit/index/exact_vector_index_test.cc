#include "index/exact_vector_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <vector>

#include "index/kernels.h"

namespace millrace::index {
namespace {

using core::ChunkId;
using core::DocumentId;
using core::IndexEntry;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kDimension = 48;

std::vector<float> Near(const std::vector<float>& centre, float spread, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> vector = centre;
  double squares = 0;
  for (float& x : vector) {
    x += spread * normal(random);
    squares += static_cast<double>(x) * x;
  }
  for (float& x : vector) x = static_cast<float>(x / std::sqrt(squares));
  return vector;
}

std::vector<float> Anywhere(std::mt19937& random) { return Near(std::vector<float>(kDimension), 1, random); }

IndexEntry Entry(DocumentId id, core::Version version, const std::vector<std::vector<float>>& vectors) {
  IndexEntry entry;
  entry.id = id;
  entry.version = version;
  entry.present = true;
  for (const auto& vector : vectors) {
    entry.chunk_ids.push_back(id * 100'000'000'000 + version * 10'000 + static_cast<ChunkId>(entry.chunk_ids.size()));
    entry.vectors.insert(entry.vectors.end(), vector.begin(), vector.end());
  }
  return entry;
}

IndexEntry Removal(DocumentId id, core::Version version) {
  IndexEntry entry;
  entry.id = id;
  entry.version = version;
  return entry;
}

/// The index under test beside the plain truth: all chunks in a map, searched by double precision.
class IndexAndTruth {
 public:
  explicit IndexAndTruth(const Kernel& kernel) : index(kernel) {}

  void Apply(std::vector<IndexEntry> batch) {
    for (const IndexEntry& entry : batch) truth_[entry.id] = entry;
    const auto status = index.Apply(std::move(batch));
    ASSERT_TRUE(status) << status.error().message;
  }

  std::vector<core::ScoredChunk> Search(const std::vector<float>& query, std::size_t top_k,
                                        const core::Filter* filter = nullptr, float min_score = -1) const {
    auto found = index.Search({query, top_k, min_score, filter});
    EXPECT_TRUE(found);
    return *found;
  }

  /// Same scores rank by rank, each that of its chunk; chunks may change places within rounding only.
  void ExpectExact(const std::vector<float>& query, std::size_t top_k, const core::Filter* filter = nullptr) const {
    std::map<ChunkId, double> scores;
    std::vector<double> ranked;
    for (const auto& [id, entry] : truth_) {
      if (filter != nullptr && !core::Matches(*filter, id, entry.title, entry.key, entry.metadata)) continue;
      for (std::size_t c = 0; c < entry.chunk_ids.size(); ++c) {
        double score = 0;
        for (std::size_t i = 0; i < kDimension; ++i) {
          score += static_cast<double>(entry.vectors[c * kDimension + i]) * query[i];
        }
        scores[entry.chunk_ids[c]] = score;
        ranked.push_back(score);
      }
    }
    std::sort(ranked.begin(), ranked.end(), std::greater<>());
    const auto hits = Search(query, top_k, filter);
    ASSERT_EQ(hits.size(), std::min(top_k, ranked.size()));
    for (std::size_t i = 0; i < hits.size(); ++i) {
      ASSERT_TRUE(scores.contains(hits[i].chunk_id)) << "a chunk that is not there, or twice in the answer";
      EXPECT_NEAR(hits[i].score, scores[hits[i].chunk_id], 1e-6);
      EXPECT_NEAR(hits[i].score, ranked[i], 1e-6) << "rank " << i;
      scores.erase(hits[i].chunk_id);
    }
  }

  std::int64_t chunks() const {
    std::int64_t sum = 0;
    for (const auto& [id, entry] : truth_) sum += static_cast<std::int64_t>(entry.chunk_ids.size());
    return sum;
  }

  ExactVectorIndex index;

 private:
  std::map<DocumentId, IndexEntry> truth_;
};

class ExactVectorIndexTest : public testing::TestWithParam<const Kernel*> {
 protected:
  /// Documents of 0 to 8 chunks in tight clusters, so that the quantised scores alone would often choose wrongly.
  void FillClustered(int documents) {
    for (int c = 0; c < 20; ++c) centres_.push_back(Anywhere(random_));
    std::vector<IndexEntry> batch;
    for (DocumentId id = 1; id <= documents; ++id) batch.push_back(ClusteredEntry(id, 1));
    held_.Apply(std::move(batch));
  }

  IndexEntry ClusteredEntry(DocumentId id, core::Version version) {
    std::vector<std::vector<float>> vectors;
    const std::size_t count = random_() % 9;
    for (std::size_t i = 0; i < count; ++i) vectors.push_back(Near(Centre(), 0.02F, random_));
    IndexEntry entry = Entry(id, version, vectors);
    entry.key = "key-" + std::to_string(id);
    entry.metadata["even"] = core::MetadataScalar(id % 2 == 0);
    entry.metadata["rare"] = core::MetadataScalar(id % 100 == 0);
    return entry;
  }

  const std::vector<float>& Centre() { return centres_[random_() % centres_.size()]; }

  std::mt19937 random_{7};
  std::vector<std::vector<float>> centres_;
  IndexAndTruth held_{*GetParam()};
};

TEST_P(ExactVectorIndexTest, AnswersAreThoseOfAFloatSearch) {
  FillClustered(1500);
  for (int i = 0; i < 50; ++i) {
    held_.ExpectExact(Near(Centre(), 0.02F, random_), 10);
    held_.ExpectExact(Anywhere(random_), 10);
  }
  held_.ExpectExact(Centre(), 1);
  held_.ExpectExact(Centre(), 3000);
  held_.ExpectExact(Centre(), 100'000);
}

TEST_P(ExactVectorIndexTest, FilteredAnswersAreThoseOfAFloatSearch) {
  FillClustered(1500);
  for (const char* json :
       {R"({"field":"metadata.even","equals":true})", R"({"field":"metadata.rare","equals":true})",
        R"({"field":"document_id","equals":41})", R"({"field":"document_id","in":[1,7,900,77777]})",
        R"({"field":"document_id","equals":41.0})", R"({"field":"document_id","in":[41.0,42]})",
        R"({"field":"key","equals":"key-12"})", R"({"field":"key","in":["key-12","key-13","nokey"]})",
        R"({"all":[{"field":"document_id","in":[5,6,7]},{"field":"metadata.even","equals":true}]})",
        R"({"not":{"field":"document_id","equals":41}})",
        R"({"any":[{"field":"document_id","equals":41},{"field":"metadata.rare","equals":true}]})",
        R"({"field":"key","equals":"nobody"})"}) {
    const auto filter = core::ParseFilter(json);
    ASSERT_TRUE(filter) << json;
    SCOPED_TRACE(json);
    for (int i = 0; i < 5; ++i) held_.ExpectExact(Near(Centre(), 0.02F, random_), 10, &*filter);
    held_.ExpectExact(Centre(), 10'000, &*filter);
  }
}

TEST_P(ExactVectorIndexTest, ReplacingAndRemovingForLongKeepsAnswersAndMemory) {
  FillClustered(1500);
  const auto bytes = held_.index.size().bytes;
  for (core::Version version = 2; version < 22; ++version) {
    for (int i = 0; i < 300; ++i) {
      const DocumentId id = 1 + static_cast<DocumentId>(random_() % 1500);
      std::vector<IndexEntry> batch;
      batch.push_back(random_() % 4 == 0 ? Removal(id, version * 1000 + i) : ClusteredEntry(id, version * 1000 + i));
      held_.Apply(std::move(batch));
    }
    held_.ExpectExact(Near(Centre(), 0.02F, random_), 10);
    EXPECT_EQ(held_.index.size().chunks, held_.chunks());
  }
  held_.ExpectExact(Centre(), 100'000);
  EXPECT_LT(held_.index.size().bytes, bytes * 3 / 2) << "six thousand replacements leave their rows behind";
  std::vector<IndexEntry> removals;
  for (DocumentId id = 1; id <= 1500; ++id) removals.push_back(Removal(id, 1'000'000));
  held_.Apply(std::move(removals));
  EXPECT_THAT(held_.Search(Centre(), 10), IsEmpty());
  EXPECT_EQ(held_.index.size().documents, 0);
  EXPECT_LT(held_.index.size().bytes, 2'000'000);
}

TEST_P(ExactVectorIndexTest, ADocumentMayBeLargerThanABlock) {
  FillClustered(50);
  std::vector<std::vector<float>> vectors;
  for (int i = 0; i < 5000; ++i) vectors.push_back(Near(Centre(), 0.02F, random_));
  held_.Apply({Entry(1000, 1, vectors)});
  held_.ExpectExact(Centre(), 6000);
  vectors.resize(2500);
  held_.Apply({Entry(1000, 2, vectors)});
  held_.ExpectExact(Centre(), 6000);
  held_.Apply({Removal(1000, 2)});
  held_.ExpectExact(Centre(), 6000);
}

TEST_P(ExactVectorIndexTest, EqualVectorsComeByChunkIdWhereverTheyLie) {
  const std::vector<float> vector = Anywhere(random_);
  std::vector<IndexEntry> batch;
  for (DocumentId id = 3000; id > 0; --id) batch.push_back(Entry(id, 1, {vector}));
  held_.Apply(std::move(batch));
  const auto hits = held_.Search(vector, 4);
  std::vector<DocumentId> documents;
  for (const auto& hit : hits) documents.push_back(hit.document_id);
  EXPECT_THAT(documents, ElementsAre(1, 2, 3, 4));
  for (const auto& hit : hits) EXPECT_LE(hit.score, 1);
}

TEST_P(ExactVectorIndexTest, MinScoreIsInclusiveAndExact) {
  FillClustered(200);
  const std::vector<float> query = Centre();
  const auto all = held_.Search(query, 50);
  ASSERT_EQ(all.size(), 50U);
  const auto cut = held_.Search(query, 100, nullptr, all[20].score);
  ASSERT_GE(cut.size(), 21U);
  EXPECT_EQ(cut[20].chunk_id, all[20].chunk_id);
  EXPECT_GE(cut.back().score, all[20].score);
}

INSTANTIATE_TEST_SUITE_P(Kernels, ExactVectorIndexTest,
                         testing::ValuesIn(SupportedKernels().begin(), SupportedKernels().end()),
                         [](const auto& kernel) {
                           std::string name = kernel.param->name;
                           std::erase(name, '-');
                           return name;
                         });

TEST(ExactVectorIndex, TakesTheFastestKernelUnlessTold) {
  EXPECT_EQ(ExactVectorIndex().kernel_name(), SupportedKernels().front()->name);
  EXPECT_EQ(ExactVectorIndex(kScalarKernel).kernel_name(), "scalar");
}

TEST(ExactVectorIndex, AWrongEntryLeavesTheWholeBatchUndone) {
  std::mt19937 random(1);
  ExactVectorIndex index;
  ASSERT_TRUE(index.Apply({Entry(1, 1, {Anywhere(random)})}));
  const IndexEntry good = Entry(2, 1, {Anywhere(random)});
  IndexEntry short_vector = Entry(3, 1, {Anywhere(random)}), missing_id = short_vector, not_a_number = short_vector,
             infinite = short_vector, other_dimension = Entry(3, 1, {std::vector<float>(kDimension * 2, 0.1F)});
  short_vector.vectors.pop_back();
  missing_id.chunk_ids.clear();
  not_a_number.vectors[5] = std::numeric_limits<float>::quiet_NaN();
  infinite.vectors[47] = std::numeric_limits<float>::infinity();
  for (const IndexEntry& bad : {short_vector, missing_id, not_a_number, infinite, other_dimension}) {
    const auto status = index.Apply({good, Removal(1, 2), bad});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, base::Code::kInvalidArgument);
    EXPECT_EQ(index.Find(1)->version, 1);
    EXPECT_EQ(index.Find(2)->version, 0);
    EXPECT_EQ(index.size().chunks, 1);
  }
}

TEST(ExactVectorIndex, TheFirstVectorsMustAgreeAmongThemselves) {
  ExactVectorIndex index;
  EXPECT_FALSE(index.Apply({Entry(1, 1, {{1, 0}}), Entry(2, 1, {{1, 0, 0}})}));
  EXPECT_FALSE(index.Apply({Entry(1, 1, {{}})}));
  EXPECT_TRUE(index.Apply({Entry(1, 1, {{1, 0, 0}})}));
  EXPECT_FALSE(index.Apply({Entry(1, 2, {{1, 0}})}));
}

TEST(ExactVectorIndex, AQueryThatIsNotFiniteIsRefused) {
  ExactVectorIndex index;
  ASSERT_TRUE(index.Apply({Entry(1, 1, {{1, 0}})}));
  const std::vector<float> query = {1, std::numeric_limits<float>::quiet_NaN()};
  const auto found = index.Search({query, 10, -1, nullptr});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, base::Code::kInvalidArgument);
}

TEST(ExactVectorIndex, ZeroVectorsScoreZero) {
  ExactVectorIndex index;
  ASSERT_TRUE(index.Apply({Entry(1, 1, {{0, 0}}), Entry(2, 1, {{0, 1}}), Entry(3, 1, {{0, -1}})}));
  const std::vector<float> query = {0, 2};  // not unit: the cosine does not care
  const auto found = index.Search({query, 10, -1, nullptr});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 3U);
  EXPECT_FLOAT_EQ((*found)[0].score, 1);
  EXPECT_FLOAT_EQ((*found)[1].score, 0);
  EXPECT_FLOAT_EQ((*found)[2].score, -1);
}

}  // namespace
}  // namespace millrace::index
