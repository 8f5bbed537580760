#include "core/passage_packer.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace millrace::core {
namespace {

constexpr std::size_t kMaxGapBytes = 1024;

}  // namespace

PassagePacker::PassagePacker(const Chunking& chunking, TokenCutter& cutter, std::vector<ChunkDraft>& drafts)
    : max_tokens_(static_cast<std::size_t>(chunking.max_tokens)),
      overlap_tokens_(static_cast<std::size_t>(chunking.overlap_tokens)),
      cutter_(cutter),
      drafts_(drafts) {}

void PassagePacker::OnGap(std::string_view text) {
  chars_ += base::CountCodePoints(text);
  if (pieces_.empty() || wide_gap_) return;
  wide_gap_ = window_.size() - pieces_.back().end + text.size() > kMaxGapBytes;
  if (wide_gap_) return;
  window_ += text;
  if (!base::TrimWhiteSpace(text).empty()) gap_tokens_ += cutter_.Count(text, max_tokens_ + 1);
}

void PassagePacker::OnUnit(std::string_view text, UnitStart start) {
  const std::size_t tokens = cutter_.Count(text, max_tokens_ + 1);
  if (start == UnitStart::kHeading && !OnlyHeadings()) Close(pieces_.size(), false);
  if (tokens > max_tokens_ || text.size() > TokenCutter::kMaxBytes) return AddPieces(text, max_tokens_, start);
  Add(text, tokens, start);
}

/// Cuts a unit that no passage can hold.
void PassagePacker::AddPieces(std::string_view text, std::size_t max_tokens, UnitStart start) {
  while (!text.empty()) {
    const std::string_view cut = text.substr(0, cutter_.Fit(text, max_tokens));
    text.remove_prefix(cut.size());
    const std::string_view piece = base::TrimWhiteSpace(cut);
    const auto lead = static_cast<std::size_t>(piece.data() - cut.data());
    if (piece.empty()) {
      OnGap(cut);
      continue;
    }
    OnGap(cut.substr(0, lead));
    Add(piece, cutter_.Count(piece, max_tokens_), start);
    OnGap(cut.substr(lead + piece.size()));
    start = UnitStart::kSentence;
    max_tokens = max_tokens_;
  }
}

void PassagePacker::Add(std::string_view text, std::size_t tokens, UnitStart start) {
  if (wide_gap_) Close(pieces_.size(), false);
  if (!Fits(text, tokens)) {
    const std::size_t used = tokens_ + gap_tokens_;
    // A heading stays with the text after it, if need be with a part of the first sentence.
    if (OnlyHeadings() && start != UnitStart::kHeading && used + max_tokens_ / 4 <= max_tokens_) {
      const std::size_t room = max_tokens_ - used;
      if (cutter_.Fit(text, room) < text.size()) return AddPieces(text, room, start);
    }
    MakeRoom(text, tokens, start);
  }
  if (pieces_.empty()) gap_tokens_ = 0;
  const std::int64_t length = base::CountCodePoints(text);
  pieces_.push_back(
      {window_.size(), window_.size() + text.size(), chars_, chars_ + length, gap_tokens_, tokens, start});
  tokens_ += gap_tokens_ + tokens;
  window_ += text;
  chars_ += length;
  gap_tokens_ = 0;
}

void PassagePacker::MakeRoom(std::string_view text, std::size_t tokens, UnitStart start) {
  while (!Fits(text, tokens)) {
    if (repeated_ < pieces_.size()) {
      Close(BestEnd(start), true);
    }
    while (repeated_ > 0 && !Fits(text, tokens)) DropFront(1);
  }
}

bool PassagePacker::Fits(std::string_view text, std::size_t tokens) const {
  if (pieces_.empty()) return true;
  return tokens_ + gap_tokens_ + tokens <= max_tokens_ && window_.size() + text.size() <= TokenCutter::kMaxBytes;
}

bool PassagePacker::OnlyHeadings() const {
  return std::ranges::all_of(pieces_, [](const Piece& piece) { return piece.start == UnitStart::kHeading; });
}

/// How many pieces the passage should have, when `next` begins after the last one.
std::size_t PassagePacker::BestEnd(UnitStart next) const {
  if (next != UnitStart::kSentence) return pieces_.size();
  std::size_t tokens = tokens_;
  for (std::size_t end = pieces_.size() - 1; end > repeated_; --end) {
    tokens -= pieces_[end].gap_tokens + pieces_[end].tokens;
    if (2 * tokens < max_tokens_) break;
    const bool after_heading = pieces_[end - 1].start == UnitStart::kHeading;
    if (pieces_[end].start == UnitStart::kParagraph && !after_heading) return end;
  }
  return pieces_.size();
}

/// Makes a passage of the first `end` pieces. The others stay, behind those that are repeated.
void PassagePacker::Close(std::size_t end, bool overlap) {
  if (end > repeated_) {
    const Piece& first = pieces_.front();
    const Piece& last = pieces_[end - 1];
    drafts_.push_back(
        {next_index_++, window_.substr(first.begin, last.end - first.begin), first.char_begin, last.char_end});
  }
  std::size_t kept = end;
  std::size_t room = overlap ? overlap_tokens_ : 0;
  while (kept > 1 && pieces_[kept - 1].start != UnitStart::kHeading && pieces_[kept - 1].tokens <= room) {
    --kept;
    room -= std::min(room, pieces_[kept].tokens + pieces_[kept].gap_tokens);
  }
  DropFront(kept);
  repeated_ = end - kept;
}

void PassagePacker::DropFront(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) tokens_ -= pieces_[i].gap_tokens + pieces_[i].tokens;
  if (count == pieces_.size()) {
    window_.clear();
    pieces_.clear();
    gap_tokens_ = 0;
    wide_gap_ = false;
  } else {
    const std::size_t bytes = pieces_[count].begin;
    tokens_ -= std::exchange(pieces_[count].gap_tokens, 0);
    window_.erase(0, bytes);
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(count));
    for (Piece& piece : pieces_) {
      piece.begin -= bytes;
      piece.end -= bytes;
    }
  }
  repeated_ -= std::min(repeated_, count);
}

void PassagePacker::Finish() { Close(pieces_.size(), false); }

}  // namespace millrace::core
