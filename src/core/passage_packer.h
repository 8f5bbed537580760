#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/chunk.h"
#include "core/document.h"
#include "core/token_cutter.h"
#include "core/unit_scanner.h"

namespace millrace::core {

/// Packs units into passages of at most max_tokens. A heading begins a passage; a passage that is full ends at its last
/// paragraph's border when that leaves it at least half full, else at its last sentence.
class PassagePacker : public UnitSink {
 public:
  PassagePacker(const Chunking& chunking, TokenCutter& cutter, std::vector<ChunkDraft>& drafts);

  void OnUnit(std::string_view text, UnitStart start) override;
  void OnGap(std::string_view text) override;
  void Finish();

 private:
  struct Piece {
    std::size_t begin = 0, end = 0;  // bytes of window_
    std::int64_t char_begin = 0, char_end = 0;
    std::size_t gap_tokens = 0, tokens = 0;  // of the gap before it (an underline), of itself
    UnitStart start = UnitStart::kSentence;
  };

  void AddPieces(std::string_view text, std::size_t max_tokens, UnitStart start);
  void Add(std::string_view text, std::size_t tokens, UnitStart start);
  void MakeRoom(std::string_view text, std::size_t tokens, UnitStart start);
  bool Fits(std::string_view text, std::size_t tokens) const;
  bool OnlyHeadings() const;
  std::size_t BestEnd(UnitStart next) const;
  void Close(std::size_t end, bool overlap);
  void DropFront(std::size_t count);

  const std::size_t max_tokens_, overlap_tokens_;
  TokenCutter& cutter_;
  std::vector<ChunkDraft>& drafts_;

  std::string window_;          // the content from the first piece on
  std::vector<Piece> pieces_;   // of the passage in the making
  std::size_t repeated_ = 0;    // how many pieces the passage before has too
  std::size_t tokens_ = 0;      // of the pieces and the gaps between them
  std::size_t gap_tokens_ = 0;  // of the gap after the last piece
  bool wide_gap_ = false;       // the gap after the last piece is too long to lie within a passage
  std::int64_t chars_ = 0;      // seen so far
  std::int32_t next_index_ = 0;
};

}  // namespace millrace::core
