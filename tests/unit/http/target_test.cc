#include "http/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::http {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(Target, DecodesPathAndQuery) {
  const auto target = ParseTarget("/a%20b/c%2Fd?x=1+2&y=%26&z&=e");
  ASSERT_TRUE(target);
  EXPECT_THAT(target->segments, ElementsAre("a b", "c/d"));
  EXPECT_THAT(target->query, ElementsAre(Pair("x", "1 2"), Pair("y", "&"), Pair("z", ""), Pair("", "e")));
}

TEST(Target, KeepsPlusAndEmptySegmentsInPaths) {
  EXPECT_THAT(ParseTarget("/a+b")->segments, ElementsAre("a+b"));
  EXPECT_THAT(ParseTarget("/")->segments, ElementsAre(""));
  EXPECT_THAT(ParseTarget("//a/")->segments, ElementsAre("", "a", ""));
}

TEST(Target, RefusesWhatIsMalformed) {
  for (const char* bad :
       {"", "a", "*", "/%", "/%1", "/%1g", "/%00", "/%7f", "/%0a", "/%ff", "/%c0%ae", "/?a=%", "/?%ff"}) {
    EXPECT_FALSE(ParseTarget(bad)) << bad;
  }
  std::string many = "/?";
  for (int i = 0; i < 101; ++i) many += "a&";
  EXPECT_FALSE(ParseTarget(many));
}

}  // namespace
}  // namespace millrace::http
