#include "core/metadata.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace millrace::core {
namespace {

TEST(MetadataTest, ReadsScalarsAndListsOfThem) {
  const auto metadata = ParseMetadata(R"({"s":"é","i":-5,"d":1.5,"b":true,"n":null,"l":[1,"a",false],"e":[]})");
  ASSERT_TRUE(metadata);
  EXPECT_EQ(metadata->size(), 6u);
  EXPECT_EQ(metadata->at("s"), MetadataValue(MetadataScalar(std::string("é"))));
  EXPECT_EQ(metadata->at("i"), MetadataValue(MetadataScalar(std::int64_t{-5})));
  EXPECT_EQ(metadata->at("d"), MetadataValue(MetadataScalar(1.5)));
  EXPECT_EQ(metadata->at("b"), MetadataValue(MetadataScalar(true)));
  EXPECT_EQ(std::get<1>(metadata->at("l")).size(), 3u);
  EXPECT_TRUE(std::get<1>(metadata->at("e")).empty());
}

TEST(MetadataTest, IntegersBeyondInt64BecomeDoubles) {
  const auto metadata = ParseMetadata(R"({"a":9223372036854775807,"b":9223372036854775808,"c":-1e19})");
  ASSERT_TRUE(metadata);
  EXPECT_EQ(metadata->at("a"), MetadataValue(MetadataScalar(std::int64_t{INT64_MAX})));
  EXPECT_EQ(metadata->at("b"), MetadataValue(MetadataScalar(9223372036854775808.0)));
  EXPECT_EQ(metadata->at("c"), MetadataValue(MetadataScalar(-1e19)));
}

TEST(MetadataTest, TheLastOfEqualNamesWins) {
  EXPECT_EQ(FormatMetadata(*ParseMetadata(R"({"a":1,"b":2,"a":3})")), R"({"a":3,"b":2})");
  EXPECT_EQ(FormatMetadata(*ParseMetadata(R"({"a":1,"a":null})")), "{}");
}

TEST(MetadataTest, RefusalsPointAtTheField) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"a":{}})", "/metadata/a"},
      {R"({"ok":1,"a/b~c":{"x":1}})", "/metadata/a~1b~0c"},
      {R"({"a":[1,[2]]})", "/metadata/a/1"},
      {R"({"a":[{"b":1}]})", "/metadata/a/0"},
      {R"({"a":[null]})", "/metadata/a/0"},
      {R"([1])", "/metadata"},
      {R"({"a":1)", "/metadata"},
      {"{\"a\":\"\xff\"}", "/metadata"},
      {R"({"a":"x\u0000"})", "/metadata/a"},
      {R"({"a\u0000":1})", "/metadata"},
      {R"({"a":1e999})", "/metadata/a"},
  };
  for (const auto& [json, field] : cases) {
    const auto metadata = ParseMetadata(json);
    ASSERT_FALSE(metadata) << json;
    EXPECT_EQ(metadata.error().code, base::Code::kInvalidArgument);
    EXPECT_EQ(metadata.error().field, field) << json;
  }
}

TEST(MetadataTest, RefusesDeepAndLargeText) {
  EXPECT_FALSE(ParseMetadata("{\"a\":" + std::string(100000, '[')));
  EXPECT_FALSE(ParseMetadata("{\"a\":\"" + std::string(kMaxMetadataBytes, 'x') + "\"}"));
}

TEST(MetadataTest, FormatsSortedAndReadsBackTheSame) {
  const char* json = R"({"z":[true,-1,2.5,"q\"\\\n"],"a":1.0,"big":1e+300,"tiny":5e-324,"e":[],"é":"日本"})";
  const auto metadata = ParseMetadata(json);
  ASSERT_TRUE(metadata);
  const std::string text = FormatMetadata(*metadata);
  EXPECT_EQ(text, R"({"a":1.0,"big":1e+300,"e":[],"tiny":5e-324,"z":[true,-1,2.5,"q\"\\\n"],"é":"日本"})");
  EXPECT_EQ(*ParseMetadata(text), *metadata);
}

TEST(MetadataTest, NumbersAreRoundedCorrectly) {
  for (const char* number : {"0.30000000000000004", "17777777777777777777777777777777e4", "2.2250738585072014e-308",
                             "1.7976931348623157e308", "-123456.78901234567"}) {
    const auto metadata = ParseMetadata(std::string("{\"a\":") + number + "}");
    ASSERT_TRUE(metadata);
    EXPECT_EQ(metadata->at("a"), MetadataValue(MetadataScalar(std::strtod(number, nullptr)))) << number;
    EXPECT_EQ(*ParseMetadata(FormatMetadata(*metadata)), *metadata);
  }
}

TEST(MetadataTest, RefusesTextAfterTheObject) {
  EXPECT_TRUE(ParseMetadata(" {} \n"));
  EXPECT_FALSE(ParseMetadata("{} x"));
  EXPECT_FALSE(ParseMetadata(""));
}

}  // namespace
}  // namespace millrace::core
