#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace::base {
namespace {

TEST(Utf8Test, AcceptsTheEdgesOfEachLength) {
  for (const std::string_view text : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                      "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsValidUtf8(text));
    EXPECT_EQ(DecodeCodePoint(text, 0).size, text.size());
    EXPECT_EQ(CountCodePoints(text), 1);
  }
}

TEST(Utf8Test, RefusesOverlongSurrogateTooLargeAndTruncated) {
  for (const std::string_view text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xe2\x28\xa1"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << std::hex << static_cast<int>(static_cast<unsigned char>(text[0]));
    EXPECT_FALSE(IsValidUtf8("eight by" + std::string(text)));
    EXPECT_FALSE(DecodeCodePoint(text, 0).valid);
  }
}

TEST(Utf8Test, CountsAcrossWordBorders) {
  std::string text;
  for (int i = 1; i <= 40; ++i) {
    text += i % 3 == 0 ? "é" : i % 3 == 1 ? "語" : "😀";
    text += 'a';
    EXPECT_EQ(CountCodePoints(text), 2 * i);
    EXPECT_TRUE(IsValidUtf8(text));
  }
}

TEST(Utf8Test, FloorsToTheBeginningOfACodePoint) {
  const std::string text = "a😀b";
  EXPECT_EQ(FloorToCodePoint(text, 0), 0u);
  for (std::size_t pos = 1; pos < 5; ++pos) EXPECT_EQ(FloorToCodePoint(text, pos), 1u);
  EXPECT_EQ(FloorToCodePoint(text, 5), 5u);
  EXPECT_EQ(FloorToCodePoint(text, 99), 6u);
  EXPECT_EQ(FloorToCodePoint("\x80\x80\x80\x80\x80", 4), 4u);
}

TEST(Utf8Test, TrimsEveryWhiteSpace) {
  EXPECT_EQ(TrimWhiteSpace(" \t\r\n\v\f\xc2\xa0\u3000a b\u2029\u2003 "), "a b");
  EXPECT_EQ(TrimWhiteSpace("\u00a0\u2028\n"), "");
  EXPECT_EQ(TrimWhiteSpace(""), "");
  EXPECT_EQ(TrimWhiteSpace("\u200bx"), "\u200bx");
}

}  // namespace
}  // namespace millrace::base
