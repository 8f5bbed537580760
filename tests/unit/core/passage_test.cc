#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/core/chunking.h"

namespace millrace::core {
namespace {

using testing::ElementsAre;

/// "Aa1 w w w." has `tokens` tokens, the full stop included.
std::string Sentence(const std::string& name, int tokens) {
  std::string text = name;
  for (int i = 2; i < tokens; ++i) text += " w";
  return text + ".";
}

TEST(PassageTest, PacksWholeSentences) {
  const std::string a = Sentence("A1", 7), b = Sentence("B1", 7), c = Sentence("C1", 7), d = Sentence("D1", 7);
  EXPECT_THAT(Passages(a + " " + b + " " + c + " " + d, 16), ElementsAre(a + " " + b, c + " " + d));
  EXPECT_THAT(Passages(a + " " + b + "\n" + c + " " + d, 30), ElementsAre(a + " " + b + "\n" + c + " " + d));
}

TEST(PassageTest, AHeadingBeginsAPassageAndStaysWithItsText) {
  EXPECT_THAT(Passages("Intro.\n\n# One\n\nText one.\n\n## Two\nText two.\n"),
              ElementsAre("Intro.", "# One\n\nText one.", "## Two\nText two."));
  EXPECT_THAT(Passages("Intro.\n\nTitle\n=====\n\nSub\n---\nText."),
              ElementsAre("Intro.", "Title\n=====\n\nSub\n---\nText."));
}

TEST(PassageTest, AHeadingTakesAPartOfASentenceThatDoesNotFit) {
  const std::string sentence = Sentence("A1", 16);
  const auto passages = Passages("# One\n\n" + sentence, 16);
  ASSERT_EQ(passages.size(), 2u);
  EXPECT_TRUE(passages[0].starts_with("# One\n\nA1 w w"));
  EXPECT_EQ(FakeTokenizer().CountTokens(passages[0], 99), 16u);
}

TEST(PassageTest, AnUnderlineCountsItsTokens) {
  const std::string sentence = Sentence("A1", 10);
  const auto passages = Passages("Title\n==========\n\n" + sentence, 20);
  ASSERT_EQ(passages.size(), 2u);
  EXPECT_TRUE(passages[0].starts_with("Title\n==========\n\nA1 w w"));
  EXPECT_LE(FakeTokenizer().CountTokens(passages[0], 99), 20u);
}

TEST(PassageTest, PrefersTheBorderOfAParagraphWhenHalfFull) {
  const std::string a = Sentence("A1", 6), b = Sentence("B1", 6), c = Sentence("C1", 6), d = Sentence("D1", 6);
  EXPECT_THAT(Passages(a + " " + b + "\n\n" + c + " " + d, 20), ElementsAre(a + " " + b, c + " " + d));
  // Not when it would leave the passage less than half full.
  EXPECT_THAT(Passages(a + "\n\n" + b + " " + c + " " + d, 20), ElementsAre(a + "\n\n" + b + " " + c, d));
}

TEST(PassageTest, OverlapRepeatsWholeSentences) {
  const std::string a = Sentence("A1", 5), b = Sentence("B1", 5), c = Sentence("C1", 5), d = Sentence("D1", 5),
                    e = Sentence("E1", 5);
  const std::string all = a + " " + b + " " + c + " " + d + " " + e;
  EXPECT_THAT(Passages(all, 16, 5), ElementsAre(a + " " + b + " " + c, c + " " + d + " " + e));
  EXPECT_THAT(Passages(all, 16, 4), ElementsAre(a + " " + b + " " + c, d + " " + e));
  EXPECT_THAT(Passages(all, 16, 8), ElementsAre(a + " " + b + " " + c, c + " " + d + " " + e));
}

TEST(PassageTest, OverlapGivesWayToASentenceThatNeedsTheRoom) {
  const std::string a = Sentence("A1", 8), b = Sentence("B1", 8), c = Sentence("C1", 16);
  EXPECT_THAT(Passages(a + " " + b + " " + c, 16, 8), ElementsAre(a + " " + b, c));
}

TEST(PassageTest, NoOverlapIntoANewSection) {
  EXPECT_THAT(Passages("One. Two.\n# Title\nThree.", 16, 8), ElementsAre("One. Two.", "# Title\nThree."));
}

TEST(PassageTest, LongCodeIsCutBetweenLines) {
  std::string content = "```\n";
  for (int i = 0; i < 40; ++i) content += "call" + std::to_string(i) + "(a, b)\n";
  content += "```\n";
  const auto passages = Passages(content, 60);
  ASSERT_GE(passages.size(), 4u);
  for (std::size_t i = 1; i + 1 < passages.size(); ++i) {
    EXPECT_TRUE(passages[i].starts_with("call")) << passages[i];
    EXPECT_TRUE(passages[i].ends_with(")")) << passages[i];
  }
}

TEST(PassageTest, AWideGapEndsAPassage) {
  const std::string gap(5000, '\n');
  EXPECT_THAT(Passages("One." + gap + "Two."), ElementsAre("One.", "Two."));
  EXPECT_THAT(Passages("one" + std::string(5000, ' ') + "two"), testing::Each(testing::SizeIs(testing::Le(8192u))));
}

}  // namespace
}  // namespace millrace::core
