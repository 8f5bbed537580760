#include "cli/encoding.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace::cli {
namespace {

using namespace std::string_literals;

TEST(DecodeText, ByteOrderMarks) {
  EXPECT_EQ(*DecodeText("\xEF\xBB\xBFh\xC3\xA9", false), "hé");
  EXPECT_EQ(*DecodeText("\xFF\xFEh\0\xE9\0"s, false), "hé");
  EXPECT_EQ(*DecodeText("\xFE\xFF\0h\0\xE9"s, false), "hé");
  EXPECT_FALSE(DecodeText("\xFF\xFEh\0\xE9"s, false));  // half a character at the end
}

TEST(DecodeText, HtmlMayDeclareItsCharset) {
  EXPECT_EQ(*DecodeText("<meta charset=\"iso-8859-1\">caf\xE9 \x80", true), "<meta charset=\"iso-8859-1\">café €");
  EXPECT_EQ(*DecodeText("<meta content='text/html; CHARSET=koi8-r'>\xC1", true),
            "<meta content='text/html; CHARSET=koi8-r'>а");
  EXPECT_EQ(*DecodeText("<meta charset=latin1>é", true), "<meta charset=latin1>é");  // it lies: the bytes are UTF-8
  EXPECT_EQ(DecodeText("<meta charset=martian>\xE9", true).error().message,
            "not UTF-8, and charset martian is unknown");
}

TEST(DecodeText, RefusesToGuess) {
  EXPECT_EQ(DecodeText("caf\xE9", false).error().message, "not UTF-8");
  EXPECT_EQ(DecodeText("caf\xE9", true).error().message, "not UTF-8");
  EXPECT_EQ(DecodeText("<meta charset=utf-8>caf\xE9", true).error().message, "not UTF-8");
  EXPECT_EQ(DecodeText("<meta charset=latin1>caf\xE9", false).error().message, "not UTF-8");
}

}  // namespace
}  // namespace millrace::cli
