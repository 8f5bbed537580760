#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/core/chunking.h"

namespace millrace::core {
namespace {

using testing::ElementsAre;

TEST(SentenceTest, TheExampleOfTheContract) {
  EXPECT_THAT(Sentences("Python is a programming language. It is easy to learn."),
              ElementsAre("Python is a programming language.", "It is easy to learn."));
}

TEST(SentenceTest, AbbreviationsAndInitialsDoNotEndOne) {
  for (const char* sentence : {
           "Dr. Smith met Mr. Jones and Mrs. Brown.",
           "Use a tool, e.g. Vim, i.e. An editor.",
           "Apples, pears etc. are fruit.",
           "See Fig. 3 and No. 5 of vol. 2.",
           "Kafka vs. RabbitMQ is an old question.",
           "The U.S. Government said so.",
           "J. R. R. Tolkien wrote it.",
           "George W. Bush left at 5 p.m. Eastern time.",
           "It costs 3.14 dollars, says example.com/Page.html?a=1&b=2!x and file.Txt.",
           "Call println!(\"Hi!\") or vec![] in Rust v1.70.0 today.",
           "“Really?” she asked.",
           "He shouted \"Stop!\" and ran.",
           "Acme Inc. Holdings of St. Louis, Sgt. Pepper.",
       }) {
    EXPECT_THAT(Sentences(sentence), ElementsAre(sentence));
  }
}

TEST(SentenceTest, AmbiguousAbbreviationsEndOneBeforeASentenceStarter) {
  EXPECT_THAT(Sentences("It is made in the U.S. The price is low."), testing::SizeIs(2));
  EXPECT_THAT(Sentences("Apples, pears, etc. They are fruit."), testing::SizeIs(2));
  EXPECT_THAT(Sentences("Is it so? No. It is not."), ElementsAre("Is it so?", "No.", "It is not."));
  EXPECT_THAT(Sentences("It was 1999. Then came 2000."), testing::SizeIs(2));
  EXPECT_THAT(Sentences("(It ends here.) Next one."), testing::SizeIs(2));
}

TEST(SentenceTest, WrappedLinesBelongTogetherParagraphsDoNot) {
  EXPECT_THAT(Sentences("A line that goes\non. And\r\nmore"), ElementsAre("A line that goes\non.", "And\r\nmore"));
  EXPECT_THAT(Sentences("No full stop here\n\nanother paragraph"),
              ElementsAre("No full stop here", "another paragraph"));
  EXPECT_THAT(Sentences("one\n \t\r\ntwo"), ElementsAre("one", "two"));
  EXPECT_THAT(Sentences("    An indented first line\ngoes on."), ElementsAre("An indented first line\ngoes on."));
  EXPECT_THAT(Sentences("Term\n    its definition"), ElementsAre("Term", "its definition"));
}

TEST(SentenceTest, ItemsHeadingsAndRules) {
  EXPECT_THAT(
      Sentences("Fruit:\n- apples\n- pears\n  and plums\n* nuts\n1. One. Two.\n2) three\ntext"),
      ElementsAre("Fruit:", "- apples", "- pears\n  and plums", "* nuts", "1. One.", "Two.", "2) three", "text"));
  EXPECT_THAT(Sentences("# Title\ntext\n## Sub #\nmore"), ElementsAre("# Title", "text", "## Sub #", "more"));
  EXPECT_THAT(Sentences("=====\nTitle\n=====\ntext\nSub\n"), ElementsAre("Title", "text\nSub"));
  EXPECT_THAT(Sentences("Title\n---\ntext\n\n***\n\nTwo lines\nof text\n---\nend"),
              ElementsAre("Title", "text", "Two lines\nof text", "end"));
  EXPECT_THAT(Sentences("Title\n~~~~~\ntext\n\nWait\n...\nmore"), ElementsAre("Title", "text", "Wait\n...\nmore"));
  EXPECT_THAT(Sentences("a #hashtag\n#hashtag\n#1"), ElementsAre("a #hashtag\n#hashtag\n#1"));
}

TEST(SentenceTest, CodeAndTablesStayTogether) {
  EXPECT_THAT(Sentences("Look:\n```rust\n# not a heading\nlet x = 1. Yes.\n\n- y\n```\nAfter."),
              ElementsAre("Look:", "```rust\n# not a heading\nlet x = 1. Yes.", "- y\n```", "After."));
  EXPECT_THAT(Sentences("| a | b |\n|---|---|\n| 1. X | 2. Y |\nAfter."),
              ElementsAre("| a | b |\n|---|---|\n| 1. X | 2. Y |", "After."));
}

TEST(SentenceTest, OtherScripts) {
  EXPECT_THAT(Sentences("今日は雨です。明日は？晴れ！終わり"),
              ElementsAre("今日は雨です。", "明日は？", "晴れ！", "終わり"));
  EXPECT_THAT(Sentences("ما اسمك؟ اسمي علي. شكرا"), ElementsAre("ما اسمك؟", "اسمي علي.", "شكرا"));
  EXPECT_THAT(Sentences("यह एक है। यह दो है।"), ElementsAre("यह एक है।", "यह दो है।"));
  EXPECT_THAT(Sentences("Ça va\u00a0? Oui. É. Zola"), testing::SizeIs(testing::Ge(2u)));
  EXPECT_THAT(Sentences("Yay 👩‍👩‍👧‍👦! Cafe\u0301 is open."),
              ElementsAre("Yay 👩‍👩‍👧‍👦!", "Cafe\u0301 is open."));
}

TEST(SentenceTest, RangesCountCodePoints) {
  const auto chunks = Chunk({ChunkStrategy::kSentence, 200, 0}, " \n日本😀。 Né.\n").chunks;
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].char_start, 2);
  EXPECT_EQ(chunks[0].char_end, 6);
  EXPECT_EQ(chunks[1].index, 1);
  EXPECT_EQ(chunks[1].char_start, 7);
  EXPECT_EQ(chunks[1].char_end, 10);
}

TEST(SentenceTest, ALongSentenceIsCutBetweenWords) {
  std::string content;
  for (int i = 0; i < 600; ++i) content += "word" + std::to_string(i) + " ";
  const auto pieces = Sentences(content);
  ASSERT_EQ(pieces.size(), 3u);
  std::string joined;
  for (const std::string& piece : pieces) {
    EXPECT_LE(FakeTokenizer().CountTokens(piece, 1000), 254u);
    joined += piece + " ";
  }
  EXPECT_EQ(joined, content);
}

TEST(SentenceTest, BlankGivesNothingAndMarksGiveThemselves) {
  EXPECT_THAT(Sentences(""), ElementsAre());
  EXPECT_THAT(Sentences(" \n\n\t\u3000\u2029"), ElementsAre());
  EXPECT_THAT(Sentences("\n  ---\n\n***\n"), ElementsAre("---"));
  EXPECT_THAT(Passages("\n  ---\n\n***\n"), ElementsAre("---"));
}

}  // namespace
}  // namespace millrace::core
