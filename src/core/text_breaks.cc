#include "core/text_breaks.h"

#include <unicode/brkiter.h>
#include <unicode/utext.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "base/utf8.h"
#include "core/sentence_rules.h"

namespace millrace::core {
namespace {

constexpr std::size_t kContextBytes = 64;  // after a cut, so that ICU sees the word it would divide

void Require(UErrorCode error) {
  if (U_FAILURE(error)) throw std::runtime_error(std::string("ICU cannot break text: ") + u_errorName(error));
}

using Create = icu::BreakIterator* (*)(const icu::Locale&, UErrorCode&);

/// An iterator that is opened when it is first needed: most documents never need to be cut inside a word.
class LazyIterator {
 public:
  explicit LazyIterator(Create create) : create_(create) {}
  LazyIterator(const LazyIterator&) = delete;
  LazyIterator& operator=(const LazyIterator&) = delete;
  ~LazyIterator() { utext_close(&text_); }

  /// `text` must outlive the use of the iterator.
  icu::BreakIterator& On(std::string_view text) {
    UErrorCode error = U_ZERO_ERROR;
    if (!iterator_) iterator_.reset(create_(icu::Locale::getRoot(), error));
    Require(error);
    utext_openUTF8(&text_, text.data(), static_cast<std::int64_t>(text.size()), &error);
    iterator_->setText(&text_, error);
    Require(error);
    return *iterator_;
  }

 private:
  Create create_;
  std::unique_ptr<icu::BreakIterator> iterator_;
  UText text_ = UTEXT_INITIALIZER;
};

/// The last border in (low, end]; 0 when there is none.
std::size_t BorderBetween(LazyIterator& lazy, std::string_view text, std::size_t low, std::size_t end) {
  const std::size_t begin = base::FloorToCodePoint(text, low);
  const std::string_view window = text.substr(begin, end + kContextBytes - begin);
  icu::BreakIterator& iterator = lazy.On(window);
  const auto wanted = static_cast<std::int32_t>(end - begin);
  const std::int32_t found = iterator.isBoundary(wanted) ? wanted : iterator.preceding(wanted);
  return found > 0 ? begin + static_cast<std::size_t>(found) : 0;
}

std::size_t LineEndBetween(std::string_view text, std::size_t low, std::size_t end) {
  const std::size_t found = text.rfind('\n', end - 1);
  return found != std::string_view::npos && found >= low ? found + 1 : 0;
}

std::size_t SpaceBetween(std::string_view text, std::size_t low, std::size_t end) {
  for (std::size_t pos = end; pos > low; --pos) {
    if (text[pos] == ' ' || text[pos] == '\t' || text[pos] == '\n' || text[pos] == '\r') return pos;
  }
  return 0;
}

}  // namespace

struct TextBreaks::Icu {
  LazyIterator sentences{&icu::BreakIterator::createSentenceInstance};
  LazyIterator words{&icu::BreakIterator::createWordInstance};
  LazyIterator characters{&icu::BreakIterator::createCharacterInstance};
  std::string flat;  // the text with its line feeds as blanks
};

TextBreaks::TextBreaks() : icu_(std::make_unique<Icu>()) {}
TextBreaks::~TextBreaks() = default;

void TextBreaks::FindSentences(std::string_view text, std::vector<std::size_t>& ends) {
  ends.clear();
  if (text.find_first_of("\r\n") != std::string_view::npos) {
    icu_->flat = text;
    std::ranges::replace_if(
        icu_->flat, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    text = icu_->flat;
  }
  icu::BreakIterator& iterator = icu_->sentences.On(text);
  std::size_t begin = 0;
  for (std::int32_t next = iterator.next(); next != icu::BreakIterator::DONE; next = iterator.next()) {
    const auto border = static_cast<std::size_t>(next);
    if (!EndsSentence(text, begin, border)) continue;
    ends.push_back(border);
    begin = border;
  }
  if (begin < text.size()) ends.push_back(text.size());
}

std::size_t TextBreaks::LastBorder(std::string_view text, std::size_t end) {
  if (const std::size_t border = LineEndBetween(text, end - end / 4, end)) return border;
  if (const std::size_t border = SpaceBetween(text, end / 2, end)) return border;
  if (const std::size_t border = BorderBetween(icu_->words, text, end / 2, end)) return border;
  if (const std::size_t border = BorderBetween(icu_->characters, text, end / 2, end)) return border;
  const std::size_t floor = base::FloorToCodePoint(text, end);
  return floor > 0 ? floor : base::DecodeCodePoint(text, 0).size;
}

}  // namespace millrace::core
