#include "core/document.h"

#include <gtest/gtest.h>

#include <vector>

namespace millrace::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Timestamp kMorning{seconds(1'768'473'000)};  // 2026-01-15T10:30:00Z

TEST(ParseTimestamp, ReadsRfc3339) {
  EXPECT_EQ(ParseTimestamp("2026-01-15T10:30:00Z"), kMorning);
  EXPECT_EQ(ParseTimestamp("2026-01-15t10:30:00z"), kMorning);
  EXPECT_EQ(ParseTimestamp("2026-01-15T12:30:00+02:00"), kMorning);
  EXPECT_EQ(ParseTimestamp("2026-01-15T04:45:00-05:45"), kMorning);
  EXPECT_EQ(ParseTimestamp("2026-01-15T10:30:00.25Z"), kMorning + milliseconds(250));
  EXPECT_EQ(ParseTimestamp("2026-01-15T10:30:00.1239999Z"), kMorning + milliseconds(123));
  EXPECT_EQ(ParseTimestamp("1970-01-01T00:00:00Z"), Timestamp());
  EXPECT_EQ(ParseTimestamp("2024-02-29T00:00:00Z"), Timestamp(seconds(1'709'164'800)));
  EXPECT_TRUE(ParseTimestamp("9999-12-31T23:59:59Z"));
}

TEST(ParseTimestamp, ReadsWhatFormatTimestampWrites) {
  for (const std::int64_t time : std::vector<std::int64_t>{0, 1, 999, 1'000, 1'768'473'000'250}) {
    const Timestamp timestamp{milliseconds(time)};
    EXPECT_EQ(ParseTimestamp(FormatTimestamp(timestamp)), timestamp);
  }
}

TEST(ParseTimestamp, RefusesAnythingElse) {
  for (const char* text : {"",
                           "now",
                           "2026-01-15",
                           "2026-01-15T10:30:00",
                           "2026-01-15 10:30:00Z",
                           "2026-01-15T10:30Z",
                           "2026-01-15T24:00:00Z",
                           "2026-01-15T10:60:00Z",
                           "2026-01-15T10:30:61Z",
                           "2026-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-01-15T10:30:00.Z",
                           "2026-01-15T10:30:00+2:00",
                           "2026-01-15T10:30:00+0200",
                           "2026-01-15T10:30:00+24:00",
                           "2026-01-15T10:30:00ZZ",
                           "1969-12-31T23:59:59Z",
                           "1970-01-01T00:00:00+00:01",
                           "-026-01-15T10:30:00Z",
                           "2026-01-15T10:30:00Z "}) {
    EXPECT_FALSE(ParseTimestamp(text)) << text;
  }
}

}  // namespace
}  // namespace millrace::core
