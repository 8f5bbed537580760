#include "cli/terminal_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/status.h"
#include "cli/table.h"

namespace millrace::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(EscapeControls, LeavesNothingThatATerminalObeys) {
  EXPECT_EQ(EscapeControls("a\x1b[2Jb\x07"), "a\\x1b[2Jb\\x07");
  EXPECT_EQ(EscapeControls("\xC2\x9B"
                           "31m"),
            "\\x9b31m");  // C1 CSI
  EXPECT_EQ(EscapeControls("a\xE2\x80\xAE"
                           "b"),
            "a\\u202eb");  // right-to-left override
  EXPECT_EQ(EscapeControls("bad \xFF byte"), "bad \\xff byte");
  EXPECT_EQ(EscapeControls("a\n\tb\r"), "a  b ");
  EXPECT_EQ(EscapeControls("äöü 中文 😀"), "äöü 中文 😀");
}

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(DisplayWidth("abc"), 3U);
  EXPECT_EQ(DisplayWidth("中文"), 4U);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1U);  // e and a combining accent
  EXPECT_EQ(DisplayWidth("\xFF"), 1U);
}

TEST(CutToWidth, EndsWithAnEllipsisOnlyWhenCut) {
  EXPECT_EQ(CutToWidth("abcdef", 6), "abcdef");
  EXPECT_EQ(CutToWidth("abcdef", 4), "abc…");
  EXPECT_EQ(CutToWidth("中文字", 5), "中文…");
  EXPECT_EQ(CutToWidth("中文字", 4), "中…");
}

TEST(WrapText, BreaksAtSpacesAndInsideLongWordsOnly) {
  EXPECT_THAT(WrapText("one two  three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(WrapText("a abcdefghij b", 4), ElementsAre("a", "abcd", "efgh", "ij b"));
  EXPECT_THAT(WrapText("中文中文中", 4), ElementsAre("中文", "中文", "中"));
  EXPECT_THAT(WrapText("a\n\n  b c\n", 10), ElementsAre("a", "b c"));
  EXPECT_THAT(WrapText("abcd", 4), ElementsAre("abcd"));
  EXPECT_THAT(WrapText("  \n", 4), IsEmpty());
}

TEST(WrapText, NoLineIsWiderThanAsked) {
  for (size_t width = 2; width < 12; ++width) {
    for (const auto& line : WrapText("中 a文b longerwordhere x\x1b[0m e\xCC\x81 中文中文中文", width)) {
      EXPECT_LE(DisplayWidth(line), width) << line;
    }
  }
}

TEST(FormatTable, AlignsByColumnsAndShrinksTheWidest) {
  EXPECT_EQ(FormatTable({"ID", "T"}, {{"1", "中文"}, {"200", "a\x1b"}}, 80), "ID   T\n1    中文\n200  a\\x1b\n");
  EXPECT_EQ(FormatTable({"A", "B"}, {{"12345678901234567890", "x"}}, 13), "A           B\n123456789…  x\n");
}

TEST(DescribeSeconds, UsesTheUnitPeopleWould) {
  EXPECT_EQ(DescribeSeconds(0.2), "1 s");
  EXPECT_EQ(DescribeSeconds(89.4), "89 s");
  EXPECT_EQ(DescribeSeconds(130), "2 min");
  EXPECT_EQ(DescribeSeconds(3 * 3600 + 600), "3 h 10 min");
}

}  // namespace
}  // namespace millrace::cli
