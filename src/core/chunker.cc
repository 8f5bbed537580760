#include "core/chunker.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "core/passage_packer.h"
#include "core/text_breaks.h"
#include "core/token_cutter.h"
#include "core/unit_scanner.h"

namespace millrace::core {

class Chunker::Strategy {
 public:
  virtual ~Strategy() = default;
  virtual std::vector<ChunkDraft> Feed(std::string_view part, bool last) = 0;

  std::optional<std::string> warning;
};

namespace {

/// One chunk for each unit.
class SentenceSink : public UnitSink {
 public:
  SentenceSink(TokenCutter& cutter, std::vector<ChunkDraft>& drafts) : cutter_(cutter), drafts_(drafts) {}

  void OnUnit(std::string_view text, UnitStart) override {
    while (!text.empty()) {
      const std::string_view cut = text.substr(0, cutter_.Fit(text, TokenCutter::kModelTokens));
      text.remove_prefix(cut.size());
      const std::string_view piece = base::TrimWhiteSpace(cut);
      if (!piece.empty()) {
        const auto lead = static_cast<std::size_t>(piece.data() - cut.data());
        const std::int64_t begin = chars_ + base::CountCodePoints(cut.substr(0, lead));
        drafts_.push_back({next_index_++, std::string(piece), begin, begin + base::CountCodePoints(piece)});
      }
      chars_ += base::CountCodePoints(cut);
    }
  }

  void OnGap(std::string_view text) override { chars_ += base::CountCodePoints(text); }

 private:
  TokenCutter& cutter_;
  std::vector<ChunkDraft>& drafts_;
  std::int64_t chars_ = 0;
  std::int32_t next_index_ = 0;
};

}  // namespace

/// Strategies `sentence` and `passage`.
class Chunker::Units : public Strategy, private UnitSink {
 public:
  Units(const Chunking& chunking, const Tokenizer& tokenizer)
      : packs_(chunking.strategy == ChunkStrategy::kPassage),
        max_tokens_(packs_ ? static_cast<std::size_t>(chunking.max_tokens) : TokenCutter::kModelTokens),
        cutter_(tokenizer, breaks_),
        sentences_(cutter_, drafts_),
        passages_(chunking, cutter_, drafts_),
        scanner_(breaks_, *this) {}

  std::vector<ChunkDraft> Feed(std::string_view part, bool last) override {
    scanner_.Feed(part, last);
    if (last && packs_) passages_.Finish();
    if (last && !found_text_ && marks_) drafts_.push_back(*std::exchange(marks_, std::nullopt));
    return std::exchange(drafts_, {});
  }

 private:
  void OnUnit(std::string_view text, UnitStart start) override {
    found_text_ = true;
    sink().OnUnit(text, start);
  }

  void OnGap(std::string_view text) override {
    if (!found_text_ && !marks_) KeepMarks(text);
    sink().OnGap(text);
  }

  /// A document of nothing but separators is still a document.
  void KeepMarks(std::string_view gap) {
    const std::string_view marks = base::TrimWhiteSpace(gap);
    if (!marks.empty()) {
      const std::string_view kept = base::TrimWhiteSpace(marks.substr(0, cutter_.Fit(marks, max_tokens_)));
      const auto lead = static_cast<std::size_t>(marks.data() - gap.data());
      const std::int64_t begin = gap_chars_ + base::CountCodePoints(gap.substr(0, lead));
      marks_ = ChunkDraft{0, std::string(kept), begin, begin + base::CountCodePoints(kept)};
    }
    gap_chars_ += base::CountCodePoints(gap);
  }

  UnitSink& sink() { return packs_ ? static_cast<UnitSink&>(passages_) : sentences_; }

  const bool packs_;
  const std::size_t max_tokens_;
  std::vector<ChunkDraft> drafts_;
  TextBreaks breaks_;
  TokenCutter cutter_;
  SentenceSink sentences_;
  PassagePacker passages_;
  UnitScanner scanner_;
  bool found_text_ = false;
  std::int64_t gap_chars_ = 0;  // before the first unit
  std::optional<ChunkDraft> marks_;
};

/// Strategy `whole`: the beginning of the content, as much as the model reads.
class Chunker::Whole : public Strategy {
 public:
  explicit Whole(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  std::vector<ChunkDraft> Feed(std::string_view part, bool last) override {
    Read(part);
    if (!last || head_.empty()) return {};
    std::string_view text = base::TrimWhiteSpace(head_);
    text = base::TrimWhiteSpace(text.substr(0, ModelsShare(text)));
    const std::int64_t end = begin_ + base::CountCodePoints(text);
    if (end < text_end_) {
      warning = fmt::format("the content has {} characters; only the first {} were embedded", chars_, end);
    }
    return {{0, std::string(text), begin_, end}};
  }

 private:
  /// Bytes of the beginning that the model looks at: up to the very token, in the middle of a word if need be, as the
  /// model itself would cut. Elsewhere a border is better; here it would only lose words.
  std::size_t ModelsShare(std::string_view text) const {
    const std::size_t most = base::FloorToCodePoint(text, TokenCutter::kMaxBytes);
    const auto tokens = tokenizer_.Tokenize(text.substr(0, most), TokenCutter::kModelTokens + 1);
    if (tokens.size() <= TokenCutter::kModelTokens) return most;
    return tokens[TokenCutter::kModelTokens - 1].end;
  }

  void Read(std::string_view part) {
    const std::string_view text = base::TrimWhiteSpace(part);
    const auto lead = static_cast<std::size_t>(text.data() - part.data());
    if (!text.empty()) {
      const std::int64_t text_begin = chars_ + base::CountCodePoints(part.substr(0, lead));
      if (head_.empty()) begin_ = text_begin;
      text_end_ = text_begin + base::CountCodePoints(text);
    }
    if (!head_.empty() || !text.empty()) {
      const std::string_view more = head_.empty() ? part.substr(lead) : part;
      head_ += more.substr(0, base::FloorToCodePoint(more, kHeadBytes - std::min(kHeadBytes, head_.size())));
    }
    chars_ += base::CountCodePoints(part);
  }

  static constexpr std::size_t kHeadBytes = 2 * TokenCutter::kMaxBytes;

  const Tokenizer& tokenizer_;
  std::string head_;  // from the first character that is not white space on
  std::int64_t begin_ = 0, text_end_ = 0, chars_ = 0;
};

Chunker::Chunker(const Chunking& chunking, const Tokenizer& tokenizer) {
  if (chunking.strategy == ChunkStrategy::kWhole) {
    strategy_ = std::make_unique<Whole>(tokenizer);
  } else {
    strategy_ = std::make_unique<Units>(chunking, tokenizer);
  }
}

Chunker::~Chunker() = default;

std::vector<ChunkDraft> Chunker::Feed(std::string_view part, bool last) { return strategy_->Feed(part, last); }

const std::optional<std::string>& Chunker::warning() const { return strategy_->warning; }

}  // namespace millrace::core
