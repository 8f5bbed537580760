#include "cli/title.h"

#include <gtest/gtest.h>

#include <string>

#include "base/utf8.h"

namespace millrace::cli {
namespace {

TEST(FindTextTitle, Markdown) {
  EXPECT_EQ(FindTextTitle("md", "intro\n\n## Hello, `World` ##\n"), "Hello, World");
  EXPECT_EQ(FindTextTitle("md", "Setext title\n====\n"), "Setext title");
  EXPECT_EQ(FindTextTitle("md", "```\n# comment\n```\n# Real"), "Real");
  EXPECT_EQ(FindTextTitle("md", "---\nlang: en\ntitle: \"From YAML\"\n---\n# Heading"), "From YAML");
  EXPECT_EQ(FindTextTitle("md", "---\nlang: en\n---\n# Heading"), "Heading");
  EXPECT_EQ(FindTextTitle("md", "#hashtag\n#\n####### seven\ntext"), "");
  EXPECT_EQ(FindTextTitle("md", "# C#\n"), "C#");
  EXPECT_EQ(FindTextTitle("md", "a | b\n--- | ---\n"), "");
}

TEST(FindTextTitle, RestructuredText) {
  EXPECT_EQ(FindTextTitle("rst", "======\nThe API\n======\n\ntext"), "The API");
  EXPECT_EQ(FindTextTitle("rst", ".. note:: x\n\ntext\n\nSection\n-------\n"), "Section");
  EXPECT_EQ(FindTextTitle("rst", "PEP: 8\nTitle: Style Guide\nAuthor: A,\n  B\n\nIntro\n=====\n"), "Style Guide");
  EXPECT_EQ(FindTextTitle("rst", "A long line of text here\n---\n"), "");
}

TEST(FindTextTitle, PlainTextOnlyOnItsFirstLine) {
  EXPECT_EQ(FindTextTitle("txt", "\ngit-add(1)\n==========\n"), "git-add(1)");
  EXPECT_EQ(FindTextTitle("txt", "text\n\nSection\n-------\n"), "");
  EXPECT_EQ(FindTextTitle("txt", "# a comment\n"), "");
  EXPECT_EQ(FindTextTitle("txt", "He said: title: no\n"), "");
  EXPECT_EQ(FindTextTitle("txt", ""), "");
}

TEST(TidyTitle, CollapsesSpaceAndCutsAtCodePoints) {
  EXPECT_EQ(TidyTitle("  a\n\t b  "), "a b");
  std::string long_title;
  for (int i = 0; i < 300; ++i) long_title += "中";
  const std::string cut = TidyTitle(long_title);
  EXPECT_EQ(cut.size(), 3 * kMaxTitleChars);
  EXPECT_TRUE(base::IsValidUtf8(cut));
}

TEST(IsUtf8, RefusesWhatTheStandardRefuses) {
  EXPECT_TRUE(base::IsValidUtf8("aé中😀"));
  for (const char* bad :
       {"\xC0\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x80\x80\x80", "\xE4\xB8", "\x80", "\xFF",
        "\xC3"
        "A"}) {
    EXPECT_FALSE(base::IsValidUtf8(bad));
  }
}

}  // namespace
}  // namespace millrace::cli
