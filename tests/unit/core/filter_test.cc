#include "core/filter.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace::core {
namespace {

Metadata Example() {
  return *ParseMetadata(R"({"lang":"en","year":2020,"score":1.5,"tags":["db","kafka"],"none":[],"flag":true,
                            "big":9007199254740993,"huge":1e19})");
}

bool Holds(const std::string& json, std::optional<std::string> key = "docs/a.md") {
  const auto filter = ParseFilter(json);
  EXPECT_TRUE(filter) << json << ": " << filter.error().field << " " << filter.error().message;
  return filter && Matches(*filter, 12, "Title", key, Example());
}

std::string FieldOf(const std::string& json) {
  const auto filter = ParseFilter(json);
  EXPECT_FALSE(filter) << json;
  return filter ? "" : filter.error().field;
}

std::string On(const std::string& field, const std::string& condition) {
  return R"({"field":")" + field + R"(",)" + condition + "}";
}

TEST(FilterTest, EqualsComparesTypeAndValue) {
  EXPECT_TRUE(Holds(On("metadata.lang", R"("equals":"en")")));
  EXPECT_FALSE(Holds(On("metadata.lang", R"("equals":"EN")")));
  EXPECT_TRUE(Holds(On("metadata.year", R"("equals":2020.0)")));
  EXPECT_FALSE(Holds(On("metadata.year", R"("equals":"2020")")));
  EXPECT_TRUE(Holds(On("metadata.flag", R"("equals":true)")));
  EXPECT_FALSE(Holds(On("metadata.flag", R"("equals":1)")));
  EXPECT_FALSE(Holds(On("metadata.absent", R"("equals":"en")")));
  EXPECT_TRUE(Holds(On("document_id", R"("equals":12)")));
  EXPECT_TRUE(Holds(On("title", R"("equals":"Title")")));
  EXPECT_TRUE(Holds(On("key", R"("equals":"docs/a.md")")));
  EXPECT_FALSE(Holds(On("key", R"("equals":"docs/a.md")"), std::nullopt));
}

TEST(FilterTest, AListMatchesByOneElement) {
  EXPECT_TRUE(Holds(On("metadata.tags", R"("equals":"kafka")")));
  EXPECT_TRUE(Holds(On("metadata.tags", R"("in":["x","db"])")));
  EXPECT_TRUE(Holds(On("metadata.tags", R"("gt":"e")")));
  EXPECT_FALSE(Holds(On("metadata.none", R"("in":["x"])")));
}

TEST(FilterTest, NumbersCompareExactly) {
  EXPECT_FALSE(Holds(On("metadata.big", R"("equals":9007199254740992.0)")));
  EXPECT_TRUE(Holds(On("metadata.big", R"("gt":9007199254740992.0)")));
  EXPECT_TRUE(Holds(On("metadata.huge", R"("gt":9223372036854775807)")));
  EXPECT_TRUE(Holds(On("metadata.year", R"("gt":2019.999,"lt":2020.001)")));
  EXPECT_TRUE(Holds(On("metadata.year", R"("gt":-1e300,"lt":1e300)")));
  EXPECT_FALSE(Holds(On("metadata.score", R"("gte":2)")));
  EXPECT_TRUE(Holds(On("metadata.score", R"("gte":1,"lt":2)")));
}

TEST(FilterTest, RangesHonourTheirEnds) {
  EXPECT_TRUE(Holds(On("metadata.year", R"("gte":2020)")));
  EXPECT_FALSE(Holds(On("metadata.year", R"("gt":2020)")));
  EXPECT_TRUE(Holds(On("metadata.year", R"("lte":2020)")));
  EXPECT_FALSE(Holds(On("metadata.year", R"("lt":2020)")));
  EXPECT_TRUE(Holds(On("metadata.lang", R"("gte":"en","lt":"eo")")));
  EXPECT_FALSE(Holds(On("metadata.lang", R"("gte":1)")));
  EXPECT_FALSE(Holds(On("metadata.flag", R"("gte":0)")));
}

TEST(FilterTest, ExistsAndItsNegation) {
  EXPECT_TRUE(Holds(On("metadata.none", R"("exists":true)")));
  EXPECT_TRUE(Holds(On("metadata.absent", R"("exists":false)")));
  EXPECT_FALSE(Holds(On("metadata.lang", R"("exists":false)")));
  EXPECT_TRUE(Holds(On("key", R"("exists":false)"), std::nullopt));
  EXPECT_TRUE(Holds(On("title", R"("exists":true)")));
}

TEST(FilterTest, AllAnyNot) {
  const std::string yes = On("metadata.lang", R"("equals":"en")"), no = On("metadata.lang", R"("equals":"de")");
  EXPECT_TRUE(Holds(R"({"all":[]})"));
  EXPECT_FALSE(Holds(R"({"any":[]})"));
  EXPECT_FALSE(Holds(R"({"all":[)" + yes + "," + no + "]}"));
  EXPECT_TRUE(Holds(R"({"any":[)" + no + "," + yes + "]}"));
  EXPECT_TRUE(Holds(R"({"not":)" + no + "}"));
  EXPECT_FALSE(Holds(R"({"not":{"not":)" + no + "}}"));
}

TEST(FilterTest, RefusalsPointAtTheField) {
  EXPECT_EQ(FieldOf("[]"), "/filter");
  EXPECT_EQ(FieldOf("{"), "/filter");
  EXPECT_EQ(FieldOf("{}"), "/filter");
  EXPECT_EQ(FieldOf(R"({"all":[],"any":[]})"), "/filter");
  EXPECT_EQ(FieldOf(R"({"all":{}})"), "/filter/all");
  EXPECT_EQ(FieldOf(R"({"any":[{"all":[]},{"not":[]}]})"), "/filter/any/1/not");
  EXPECT_EQ(FieldOf(On("metadata.", R"("equals":1)")), "/filter/field");
  EXPECT_EQ(FieldOf(On("lang", R"("equals":1)")), "/filter/field");
  EXPECT_EQ(FieldOf(R"({"field":"title"})"), "/filter");
  EXPECT_EQ(FieldOf(On("title", R"("equals":"a","in":["b"])")), "/filter");
  EXPECT_EQ(FieldOf(On("title", R"("equals":"a","gte":"b")")), "/filter");
  EXPECT_EQ(FieldOf(On("title", R"("gte":"a","equals":"b")")), "/filter");
  EXPECT_EQ(FieldOf(On("title", R"("gte":"a","lt":1)")), "/filter");
  EXPECT_EQ(FieldOf(On("title", R"("gte":"a","gt":"b")")), "/filter/gt");
  EXPECT_EQ(FieldOf(On("title", R"("gte":true)")), "/filter/gte");
  EXPECT_EQ(FieldOf(On("title", R"("equals":null)")), "/filter/equals");
  EXPECT_EQ(FieldOf(On("title", R"("in":["a",["b"]])")), "/filter/in/1");
  EXPECT_EQ(FieldOf(On("title", R"("exists":1)")), "/filter/exists");
  EXPECT_EQ(FieldOf(On("title", R"("like":"a")")), "/filter/like");
}

TEST(FilterTest, DepthIsBounded) {
  const auto nested = [](std::size_t depth) {
    std::string json;
    for (std::size_t i = 1; i < depth; ++i) json += R"({"all":[)";
    json += On("title", R"("exists":true)");
    for (std::size_t i = 1; i < depth; ++i) json += "]}";
    return json;
  };
  EXPECT_TRUE(Holds(nested(kMaxFilterDepth)));
  EXPECT_TRUE(FieldOf(nested(kMaxFilterDepth + 1)).starts_with("/filter"));
  EXPECT_EQ(FieldOf(nested(100000)), "/filter");
}

TEST(FilterTest, ConditionsAndValuesAreBoundedTogether) {
  const auto with_values = [](std::size_t count) {
    std::string json;
    for (std::size_t i = 0; i < count; ++i) json += (i ? "," : "") + std::to_string(i);
    return On("document_id", "\"in\":[" + json + "]");
  };
  EXPECT_TRUE(Holds(with_values(kMaxFilterNodes - 1)));
  EXPECT_EQ(FieldOf(with_values(kMaxFilterNodes)), "/filter/in/1023");
}

}  // namespace
}  // namespace millrace::core
