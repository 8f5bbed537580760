#include "core/chunker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "unit/core/chunking.h"

namespace millrace::core {
namespace {

constexpr std::size_t kMaxTokens = 254;

const Chunking kChunkings[] = {
    {ChunkStrategy::kSentence, 200, 0}, {ChunkStrategy::kPassage, 200, 0},   {ChunkStrategy::kPassage, 16, 8},
    {ChunkStrategy::kPassage, 64, 20},  {ChunkStrategy::kPassage, 254, 127}, {ChunkStrategy::kWhole, 200, 0},
};

/// Byte positions of code points 0, 1 … and the end.
std::vector<std::size_t> Borders(std::string_view content) {
  std::vector<std::size_t> borders;
  for (std::size_t pos = 0; pos < content.size(); pos += base::DecodeCodePoint(content, pos).size)
    borders.push_back(pos);
  borders.push_back(content.size());
  return borders;
}

void ExpectSound(const Chunking& chunking, std::string_view content, const Chunked& chunked) {
  const auto borders = Borders(content);
  std::size_t covered = 0;
  std::string skipped;
  for (std::size_t i = 0; i < chunked.chunks.size(); ++i) {
    const ChunkDraft& chunk = chunked.chunks[i];
    ASSERT_EQ(chunk.index, static_cast<std::int32_t>(i));
    ASSERT_LT(chunk.char_start, chunk.char_end);
    ASSERT_LT(static_cast<std::size_t>(chunk.char_end), borders.size());
    const std::size_t begin = borders[static_cast<std::size_t>(chunk.char_start)];
    const std::size_t end = borders[static_cast<std::size_t>(chunk.char_end)];
    ASSERT_EQ(chunk.text, content.substr(begin, end - begin));
    ASSERT_TRUE(base::IsValidUtf8(chunk.text));
    ASSERT_EQ(base::TrimWhiteSpace(chunk.text), chunk.text);
    const std::size_t limit =
        chunking.strategy == ChunkStrategy::kPassage ? static_cast<std::size_t>(chunking.max_tokens) : kMaxTokens;
    ASSERT_LE(FakeTokenizer().CountTokens(chunk.text, 1000), limit);
    ASSERT_LE(chunk.text.size(), 8192u);
    ASSERT_GT(end, covered);  // every chunk adds something
    if (begin > covered) skipped += content.substr(covered, begin - covered);
    covered = end;
  }
  if (chunking.strategy == ChunkStrategy::kWhole) return;
  skipped += content.substr(covered);
  EXPECT_FALSE(std::ranges::any_of(skipped, [](char c) { return c >= 'a' && c <= 'z'; })) << skipped;
  EXPECT_EQ(chunked.chunks.empty(), base::TrimWhiteSpace(content).empty());
}

void ExpectSame(const Chunked& left, const Chunked& right) {
  ASSERT_EQ(left.texts(), right.texts());
  EXPECT_EQ(left.warning, right.warning);
  for (std::size_t i = 0; i < left.chunks.size(); ++i) {
    ASSERT_EQ(left.chunks[i].char_start, right.chunks[i].char_start);
    ASSERT_EQ(left.chunks[i].char_end, right.chunks[i].char_end);
  }
}

std::string RandomText(std::mt19937& random, int pieces) {
  static const std::vector<std::string> kPieces = {" ",
                                                   " ",
                                                   " ",
                                                   "\n",
                                                   "\n",
                                                   "\n\n",
                                                   "\r\n",
                                                   ". ",
                                                   ".",
                                                   "! ",
                                                   "?",
                                                   "。",
                                                   "\u3000",
                                                   "\t",
                                                   "    ",
                                                   "word",
                                                   "another",
                                                   "Word",
                                                   "The",
                                                   "Dr.",
                                                   "e.g.",
                                                   "U.S.",
                                                   "1.",
                                                   "3.14",
                                                   "x.y",
                                                   "- ",
                                                   "* ",
                                                   "# ",
                                                   "## ",
                                                   "\n---\n",
                                                   "\n=====\n",
                                                   "\n```\n",
                                                   "\n~~~~\n",
                                                   "| a | b |",
                                                   "> ",
                                                   "(",
                                                   ")",
                                                   "\"",
                                                   "”",
                                                   "日本語",
                                                   "ไทยไม่มีช่องว่าง",
                                                   "e\u0301",
                                                   "👩‍👩‍👧‍👦",
                                                   "🇩🇪",
                                                   "עברית",
                                                   "العربية؟ ",
                                                   "ß",
                                                   "\u2028",
                                                   "\u200b",
                                                   "longlonglonglonglonglong"};
  std::string text;
  for (int i = 0; i < pieces; ++i) text += kPieces[random() % kPieces.size()];
  return text;
}

TEST(ChunkerTest, RandomTextInAnyParts) {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    const std::string content = RandomText(random, 1 + static_cast<int>(random() % 600));
    for (const Chunking& chunking : kChunkings) {
      const Chunked whole = Chunk(chunking, content);
      ExpectSound(chunking, content, whole);
      ExpectSame(whole, Chunk(chunking, content, 1 + random() % 200));
      if (HasFatalFailure() || HasNonfatalFailure()) FAIL() << content;
    }
  }
}

TEST(ChunkerTest, OneCodePointAtATime) {
  std::mt19937 random(11);
  const std::string content = RandomText(random, 5000);
  for (const Chunking& chunking : kChunkings) ExpectSame(Chunk(chunking, content), Chunk(chunking, content, 1));
}

/// Lines and paragraphs far longer than what the chunker holds, in parts that fall everywhere.
TEST(ChunkerTest, EndlessTextIsCut) {
  std::string prose, thai, words, spaces = "a", code = "```\n";
  for (int i = 0; i < 4000; ++i) {
    prose += "This is sentence number " + std::to_string(i) + ". ";
    words += "word" + std::to_string(i) + (i % 9 ? " " : "\n");
    thai += "ภาษาไทยไม่มีช่องว่าง";
    code += "line " + std::to_string(i) + "\n";
  }
  spaces.append(100000, ' ');
  spaces += "b";
  const std::string letters(100000, 'x'), stops(100000, '.'), rule(100000, '-'), quotes(100000, '>');
  for (const std::string& content : {prose, words, thai, spaces, code, letters, stops, rule, quotes}) {
    for (const Chunking& chunking : kChunkings) {
      const Chunked whole = Chunk(chunking, content);
      ExpectSound(chunking, content, whole);
      for (const std::size_t part : {1000u, 4096u, 65536u}) ExpectSame(whole, Chunk(chunking, content, part));
      if (HasFatalFailure() || HasNonfatalFailure()) FAIL() << content.substr(0, 60);
    }
  }
}

TEST(ChunkerTest, ASentenceIsNotDividedByTheBoundsOfALongLine) {
  std::string line;
  while (line.size() < 200000) line += "This is sentence number " + std::to_string(line.size()) + ". ";
  for (const std::string& sentence : Sentences(line)) {
    ASSERT_TRUE(sentence.starts_with("This") && sentence.ends_with(".")) << sentence;
  }
}

TEST(ChunkerTest, CharactersAsReadersSeeThemAreNotDivided) {
  std::string family, accents;
  for (int i = 0; i < 300; ++i) {
    family += "👩‍👩‍👧‍👦";
    accents += "e\u0301\u0323";
  }
  for (const std::string& piece : Sentences(family)) EXPECT_TRUE(piece.starts_with("👩") && piece.ends_with("👦"));
  for (const std::string& piece : Sentences(accents)) EXPECT_TRUE(piece.starts_with("e"));
}

TEST(ChunkerTest, WholeThatFitsIsTheTrimmedContent) {
  const Chunked whole = Chunk({ChunkStrategy::kWhole, 200, 0}, "\n Né.\n\n# Title \n");
  ASSERT_EQ(whole.chunks.size(), 1u);
  EXPECT_EQ(whole.chunks[0].text, "Né.\n\n# Title");
  EXPECT_EQ(whole.chunks[0].char_start, 2);
  EXPECT_EQ(whole.chunks[0].char_end, 14);
  EXPECT_FALSE(whole.warning);
}

TEST(ChunkerTest, WholeThatIsCutSaysSo) {
  std::string content;
  for (int i = 0; i < 300; ++i) content += "é wörd ";
  for (const std::size_t part : {std::size_t{10}, std::size_t{100000}}) {
    const Chunked whole = Chunk({ChunkStrategy::kWhole, 200, 0}, content, part);
    ASSERT_EQ(whole.chunks.size(), 1u);
    EXPECT_EQ(FakeTokenizer().CountTokens(whole.chunks[0].text, 1000), kMaxTokens);
    EXPECT_EQ(*whole.warning, "the content has 2100 characters; only the first " +
                                  std::to_string(whole.chunks[0].char_end) + " were embedded");
  }
}

TEST(ChunkerTest, WholeOfBlankContentIsNothing) {
  const Chunked whole = Chunk({ChunkStrategy::kWhole, 200, 0}, " \n\u3000 ", 1);
  EXPECT_TRUE(whole.chunks.empty());
  EXPECT_FALSE(whole.warning);
}

}  // namespace
}  // namespace millrace::core
