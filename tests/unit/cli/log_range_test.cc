#include "cli/log_range.h"

#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using std::chrono::milliseconds;
using Until = LogRange::Until;

constexpr LogTime At(std::int64_t ms) { return LogTime(milliseconds(ms)); }

constexpr LogTime kNow = At(1'768'473'000'000);  // 2026-01-15T10:30:00Z
constexpr std::int64_t kHour = 3'600'000;

LogRange Parse(const std::vector<std::string>& texts) {
  const auto range = ParseLogRange(texts, kNow);
  EXPECT_TRUE(range) << texts.front() << ": " << range.error().message;
  return range ? *range : LogRange{"(refused)", Until::kForever, 0, {}};
}

LogRange From(std::string from) { return {std::move(from), Until::kForever, 0, {}}; }
LogRange ToEnd(std::string from) { return {std::move(from), Until::kEnd, 0, {}}; }
LogRange ToOffset(std::string from, std::int64_t offset) { return {std::move(from), Until::kOffset, offset, {}}; }
LogRange ToTime(std::string from, std::int64_t ms) { return {std::move(from), Until::kTime, 0, At(ms)}; }

TEST(LogRangeTest, WhereToBegin) {
  EXPECT_EQ(Parse({}), From("beginning"));
  EXPECT_EQ(Parse({"beginning"}), From("beginning"));
  EXPECT_EQ(Parse({"start"}), From("beginning"));
  for (const char* text : {"end", "stored", "0", "47", "-3", "+2"}) EXPECT_EQ(Parse({text}), From(text));
}

TEST(LogRangeTest, Times) {
  EXPECT_EQ(Parse({"@2026-01-15T10:30:00Z"}), From("@1768473000000"));
  EXPECT_EQ(Parse({"@2026-01-15T12:30:00.25+02:00"}), From("@1768473000250"));
  EXPECT_EQ(Parse({"@2026-01-15"}), From("@1768435200000"));
  EXPECT_EQ(Parse({"@1768473000"}), From("@1768473000000")) << "ten digits are seconds";
  EXPECT_EQ(Parse({"@1768473000123"}), From("@1768473000123"));
  EXPECT_EQ(Parse({"@-1h"}), From("@1768469400000"));
  EXPECT_EQ(Parse({"s@12"}), From("@12"));
}

TEST(LogRangeTest, Ranges) {
  EXPECT_EQ(Parse({"10:20"}), ToOffset("10", 20));
  EXPECT_EQ(Parse({":20"}), ToOffset("beginning", 20));
  EXPECT_EQ(Parse({"+2:20"}), ToOffset("+2", 20));
  EXPECT_EQ(Parse({"5:end"}), ToEnd("5"));
  EXPECT_EQ(Parse({":end"}), ToEnd("beginning"));
  EXPECT_EQ(Parse({"@-1h:end"}), ToEnd("@1768469400000"));
  EXPECT_EQ(Parse({"@-2h:-1h"}), ToTime("@1768465800000", kNow.time_since_epoch().count() - kHour));
  EXPECT_EQ(Parse({"@-2h:@-1h"}), ToTime("@1768465800000", kNow.time_since_epoch().count() - kHour));
  EXPECT_EQ(Parse({"@2026-01-15:1h"}), ToTime("@1768435200000", 1'768'435'200'000 + kHour)) << "from its begin on";
  EXPECT_EQ(Parse({"@2026-01-15T10:30:00Z:2026-01-15T10:31:00Z"}), ToTime("@1768473000000", 1'768'473'060'000));
  EXPECT_EQ(Parse({"@:-1h"}), ToTime("beginning", kNow.time_since_epoch().count() - kHour));
  EXPECT_EQ(Parse({"s@5", "e@9"}), ToTime("@5", 9));
  EXPECT_EQ(Parse({"e@9"}), ToTime("beginning", 9));
}

TEST(LogRangeTest, WhatIsMeantToBeSomethingElse) {
  for (const char* text :
       {"", "soon", "1:", "5:x", "a:b", "--5", "+-5", "1.5", "@soon", "@2026-02-30", "@2026-01-15T10:30",
        "@2026-01-15T25:00:00Z", "@-1y", "s@", "e@x", "5:1h", "99999999999999999999"}) {
    EXPECT_FALSE(ParseLogRange({text}, kNow)) << text;
  }
  EXPECT_FALSE(ParseLogRange({"5", "6"}, kNow));
  EXPECT_NE(ParseLogRange({"soon"}, kNow).error().message.find("'soon' must be beginning"), std::string::npos);
}

}  // namespace
}  // namespace millrace::cli
