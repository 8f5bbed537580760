#include "search/search_service.h"

#include "unit/search/search_fixture.h"

namespace millrace::search {
namespace {

using Texts = std::vector<std::string>;

TEST(SearchService, AnswersBestFirst) {
  SearchFixture f;
  f.Add("a", {"1 0", "0 1"});
  f.Add("b", {"1 1"});
  ASSERT_TRUE(f.Start());
  EXPECT_EQ(f.Ask("1 0.1", 10), (Texts{"1 0", "1 1", "0 1"}));
  EXPECT_EQ(f.Ask("1 0.1", 1), (Texts{"1 0"}));
}

TEST(SearchService, RefusesToAnswerFromHalfAnIndex) {
  SearchFixture f;
  f.Add("a", {"1 0"});
  SearchRequest request;
  request.query = "1 0";
  const auto answer = f.search.Ask(request, base::Deadline::AfterSeconds(1));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, base::Code::kUnavailable);
}

TEST(SearchService, RefillsWhatTheStoreNoLongerHas) {
  SearchFixture f;
  const auto gone = f.Add("gone", {"1 0", "1 0.01", "1 0.02"});
  f.Add("kept", {"1 0.5", "1 0.6"});
  ASSERT_TRUE(f.Start());
  // The event has not arrived yet: the index still names the deleted chunks.
  ASSERT_TRUE(f.store.documents().Delete(gone, base::Deadline::AfterSeconds(5)));
  EXPECT_EQ(f.Ask("1 0", 2), (Texts{"1 0.5", "1 0.6"}));
  EXPECT_TRUE(Eventually([&] { return f.index.Find(gone)->version == 0; })) << "the suspect was not looked into";
}

TEST(SearchService, KeepsTheBestOfEachDocument) {
  SearchFixture f;
  Texts crowd = {"1 0"};
  for (int i = 1; i < 100; ++i) crowd.push_back("1 " + std::to_string(i / 1000.0));
  f.Add("crowd", crowd);
  f.Add("second", {"1 0.5"});
  f.Add("third", {"1 0.9"});
  ASSERT_TRUE(f.Start());
  EXPECT_EQ(f.Ask("1 0", 3, 1), (Texts{"1 0", "1 0.5", "1 0.9"}));
  EXPECT_EQ(f.Ask("1 0", 3, 2).size(), 3U);
}

TEST(SearchService, RecordsAnalytics) {
  SearchFixture f;
  f.Add("a", {"1 0"});
  ASSERT_TRUE(f.Start());
  f.Ask("1 0", 5);
  auto reader = f.log.NewConsumer("");
  ASSERT_TRUE(reader->Assign({{core::kAnalyticsTopic, 0, 0}}));
  const auto records = reader->Poll(1, base::Deadline::AfterSeconds(5));
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 1U);
  EXPECT_FALSE(records->front().key);
  for (const char* member : {R"("query":"1 0")", R"("results_count":1)", R"("top_similarity":)", R"("timestamp":")"}) {
    EXPECT_NE(records->front().value->find(member), std::string::npos) << *records->front().value;
  }
}

}  // namespace
}  // namespace millrace::search
