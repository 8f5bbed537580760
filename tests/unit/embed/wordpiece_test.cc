#include "embed/wordpiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::embed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::optional<std::string> ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::filesystem::path ModelDirectory() {
  const auto variable = [](const char* name) -> std::filesystem::path {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
  };
  if (const auto directory = variable("MILLRACE_MODEL_DIR"); !directory.empty()) return directory;
  const auto cache = variable("XDG_CACHE_HOME");
  return (cache.empty() ? variable("HOME") / ".cache" : cache) / "millrace" / "model";
}

std::filesystem::path DataFile(const char* name) { return std::filesystem::path(MILLRACE_EMBED_TEST_DATA) / name; }

using Row = std::vector<std::int64_t>;  // id, begin, end

std::vector<Row> Rows(const std::vector<core::Token>& tokens) {
  std::vector<Row> rows;
  for (const auto& token : tokens) rows.push_back({token.id, token.begin, token.end});
  return rows;
}

std::string Utf8(char32_t c) {
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0)};
}

/// With the vocabulary that the model was trained with.
class MiniLmWordPiece : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto path = ModelDirectory() / "vocab.txt";
    const auto vocabulary = ReadFile(path);
    ASSERT_TRUE(vocabulary) << path << " is missing: run scripts/setup, or set MILLRACE_MODEL_DIR";
    auto created = WordPiece::Create(*vocabulary);
    ASSERT_TRUE(created) << created.error().message;
    tokenizer_ = std::move(*created);
  }
  static void TearDownTestSuite() { tokenizer_.reset(); }

  void SetUp() override { ASSERT_NE(tokenizer_, nullptr) << "no vocabulary"; }

  std::vector<Row> Tokens(std::string_view text) const { return Rows(tokenizer_->Tokenize(text, text.size())); }

  static inline std::unique_ptr<WordPiece> tokenizer_;
};

TEST_F(MiniLmWordPiece, AgreesWithTheReferenceOnTexts) {
  std::ifstream file(DataFile("wordpiece_texts.jsonl"));
  std::size_t cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    const auto golden = boost::json::parse(line);
    const std::string text(golden.at("text").as_string());
    EXPECT_EQ(Tokens(text), boost::json::value_to<std::vector<Row>>(golden.at("tokens"))) << golden.at("name");
    EXPECT_EQ(tokenizer_->CountTokens(text, text.size()), golden.at("tokens").as_array().size()) << golden.at("name");
  }
  EXPECT_GT(cases, 80u);
}

/// The line of wordpiece_code_points.txt for the 4,096 code points from `start` (see wordpiece_goldens.py).
std::string Digest(const WordPiece& tokenizer, char32_t start) {
  std::uint64_t digest = 0xCBF29CE484222325;
  for (char32_t c = start; c < start + 4096; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    for (const auto& token : tokenizer.Tokenize("a" + Utf8(c) + "b " + Utf8(c), 100)) {
      for (int shift = 0; shift < 32; shift += 8) {
        digest = (digest ^ ((static_cast<std::uint32_t>(token.id) >> shift) & 0xFF)) * 0x100000001B3;
      }
    }
  }
  std::array<char, 17> hex{};
  std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(digest));
  return hex.data();
}

TEST_F(MiniLmWordPiece, AgreesWithTheReferenceOnEveryCodePoint) {
  std::ifstream file(DataFile("wordpiece_code_points.txt"));
  char32_t start = 0;
  for (std::string expected; std::getline(file, expected); start += 4096) {
    EXPECT_EQ(Digest(*tokenizer_, start), expected) << "from U+" << std::hex << static_cast<std::uint32_t>(start);
  }
  EXPECT_EQ(start, 0x110000u);
}

TEST_F(MiniLmWordPiece, KnowsTheModelsTokens) {
  EXPECT_EQ(tokenizer_->vocabulary_size(), 30522u);
  EXPECT_EQ(tokenizer_->pad_id(), 0);
  EXPECT_EQ(tokenizer_->unk_id(), 100);
  EXPECT_EQ(tokenizer_->cls_id(), 101);
  EXPECT_EQ(tokenizer_->sep_id(), 102);
}

TEST_F(MiniLmWordPiece, MarksThatNfdReordersMakeTheWordUnknownInEitherOrder) {
  EXPECT_THAT(Tokens("a\u302E\u1B44b c"), ElementsAre(Row{100, 0, 8}, Row{1039, 9, 10}));
  EXPECT_THAT(Tokens("a\u1B44\u302Eb c"), ElementsAre(Row{100, 0, 8}, Row{1039, 9, 10}));
}

TEST_F(MiniLmWordPiece, DropsBytesThatAreNotUtf8) {
  for (const std::string bad : {"\x80", "\xFF", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                "\xF8\x88\x80\x80\x80", "\xE4\xB8"}) {
    const auto size = static_cast<std::int64_t>(bad.size());
    EXPECT_EQ(Tokens("he" + bad + "llo"), (std::vector<Row>{{7592, 0, 5 + size}}));
    EXPECT_THAT(Tokens(bad), IsEmpty());
    EXPECT_EQ(Tokens(bad + "\u00E9"), (std::vector<Row>{{1041, size, size + 2}}));
    EXPECT_EQ(Tokens("e" + bad), (std::vector<Row>{{1041, 0, 1}}));
  }
}

TEST_F(MiniLmWordPiece, KeepsAnEndlessWordBounded) {
  const std::string word(100'000, 'x');
  EXPECT_THAT(Tokens(word + "! y"),
              ElementsAre(Row{100, 0, 100'000}, Row{999, 100'000, 100'001}, Row{1061, 100'002, 100'003}));
}

TEST_F(MiniLmWordPiece, StopsAtTheLimitEvenInsideAWord) {
  const std::string text = "embeddings of unaffable words";
  const auto all = Rows(tokenizer_->Tokenize(text, 1000));
  ASSERT_GT(all.size(), 6u);
  for (std::size_t limit = 0; limit <= all.size() + 1; ++limit) {
    const auto some = Rows(tokenizer_->Tokenize(text, limit));
    const std::size_t expected = std::min(limit, all.size());
    EXPECT_EQ(some, std::vector<Row>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(expected)));
    EXPECT_EQ(tokenizer_->CountTokens(text, limit), expected);
  }
}

TEST_F(MiniLmWordPiece, CountingStopsEarly) {
  std::string text;
  for (int i = 0; i < 4'000'000; ++i) text += "a ";
  const auto started = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(tokenizer_->CountTokens(text, 10), 10u);
  EXPECT_LT(std::chrono::steady_clock::now() - started,
            std::chrono::seconds(5));  // all of it 1,000 times takes minutes
}

// Small vocabularies, to see one rule at a time.

std::string Vocabulary(const std::string& pieces) { return "[PAD]\n[UNK]\n[CLS]\n[SEP]\n" + pieces; }

std::string WhyRefused(std::string vocabulary) {
  const auto created = WordPiece::Create(std::move(vocabulary));
  if (created) return "accepted";
  EXPECT_EQ(created.error().code, base::Code::kInvalidArgument);
  return created.error().message;
}

std::vector<std::int32_t> Ids(const std::string& pieces, std::string_view text) {
  auto tokenizer = WordPiece::Create(Vocabulary(pieces));
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  std::vector<std::int32_t> ids;
  for (const auto& token : (*tokenizer)->Tokenize(text, 1000)) ids.push_back(token.id);
  return ids;
}

TEST(WordPieceVocabulary, MustNameTheSpecialTokens) {
  EXPECT_THAT(WhyRefused(""), HasSubstr("[UNK]"));
  EXPECT_THAT(WhyRefused("[PAD]\n[CLS]\n[SEP]\na\n"), HasSubstr("[UNK]"));
  EXPECT_THAT(WhyRefused("[PAD]\n[UNK]\n[SEP]\na\n"), HasSubstr("[CLS]"));
  EXPECT_THAT(WhyRefused("[PAD]\n[UNK]\n[CLS]\na\n"), HasSubstr("[SEP]"));
  EXPECT_THAT(WhyRefused("[UNK]\n[CLS]\n[SEP]\na\n"), HasSubstr("[PAD]"));
  EXPECT_EQ(WhyRefused(Vocabulary("")), "accepted");
}

TEST(WordPieceVocabulary, NamesTheLineThatIsWrong) {
  EXPECT_EQ(WhyRefused(Vocabulary("a\n\nb\n")), "line 6 of the vocabulary is empty");
  EXPECT_EQ(WhyRefused(Vocabulary("a\nb\na\n")), "line 7 of the vocabulary repeats the piece a");
  EXPECT_EQ(WhyRefused(Vocabulary("a\n\xC3\n")), "line 6 of the vocabulary is not UTF-8");
  EXPECT_THAT(WhyRefused(Vocabulary("a\u302E\n")),
              HasSubstr("line 5 of the vocabulary holds the combining mark U+302E"));
}

TEST(WordPieceVocabulary, LineEndsMayBeWindowsOnesAndTheLastMayLack) {
  auto tokenizer = WordPiece::Create("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\nab");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->vocabulary_size(), 5u);
  EXPECT_THAT(Rows((*tokenizer)->Tokenize("ab", 9)), ElementsAre(Row{4, 0, 2}));
}

TEST(WordPieceVocabulary, MayLackTheMaskToken) {
  EXPECT_THAT(Ids("[\nmask\n]\n", "[MASK]"), ElementsAre(4, 5, 6));
  EXPECT_THAT(Ids("[\nmask\n]\n[MASK]\n", "[MASK]"), ElementsAre(7));
}

TEST(WordPieceCutting, TakesTheLongestPieceAndNeverGoesBack) {
  EXPECT_THAT(Ids("a\nab\n##c\n##bc\n##cd\n", "abcd"), ElementsAre(5, 8));
  EXPECT_THAT(Ids("a\nabc\n##bcd\n", "abcd"), ElementsAre(1));  // a + ##bcd would fit, but abc is longer
  EXPECT_THAT(Ids("a\n##b\n", "b"), ElementsAre(1));
  EXPECT_THAT(Ids("a\nb\n", "ab"), ElementsAre(1));
}

}  // namespace
}  // namespace millrace::embed
