#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/line.h"
#include "core/text_breaks.h"

namespace millrace::core {

/// What begins with a unit of text.
enum class UnitStart { kSentence, kParagraph, kHeading };

/// Receives the whole content in order, as units (trimmed, not empty) and the gaps between them. Views last for the
/// call.
class UnitSink {
 public:
  virtual ~UnitSink() = default;
  virtual void OnUnit(std::string_view text, UnitStart start) = 0;
  virtual void OnGap(std::string_view text) = 0;
};

/// Finds sentences, headings, list items, and blocks of code and tables in text that arrives in parts. Where units lie
/// depends on the text alone. A unit has at most kMaxBlockBytes and a line.
class UnitScanner {
 public:
  static constexpr std::size_t kMaxBlockBytes = 16 * 1024;
  static constexpr std::size_t kMaxLineBytes = 4 * 1024;  // a longer line is read in pieces

  static constexpr std::size_t kMaxHeldBytes = 64 * 1024;  // between calls

  UnitScanner(TextBreaks& breaks, UnitSink& sink) : breaks_(breaks), sink_(sink) {}

  void Feed(std::string_view part, bool last);

 private:
  /// Lines that belong together and have not been handed on.
  struct Block {
    enum class Kind { kNone, kProse, kItem, kCode, kTable };
    Kind kind = Kind::kNone;
    std::size_t lines = 0;
    std::size_t indent = 0;  // of an item its own, else of the line before
    std::size_t width = 0;   // of the line before
  };

  std::string_view Held(std::size_t begin, std::size_t end) const;
  bool FindLineEnd(std::size_t& end, bool& complete);
  void TakeLine(std::size_t end, bool complete);
  void TakeFenced(const Line& line, std::size_t end);
  void TakeFence(const Line& line, std::size_t end);
  void TakeHeading(std::size_t end);
  void TakeRule(const Line& line, std::size_t end);
  void TakeText(const Line& line, std::size_t end);

  bool UnderlinesBlock(const Line& line) const;
  bool StartsBlock(const Line& line, Block::Kind kind) const;
  void Add(const Line& line, Block::Kind kind, std::size_t end);
  void Skip(std::size_t end);
  void EndBlock();
  void CutBlock();
  void EmitSentences(std::string_view text, std::size_t count);
  void Emit(std::string_view text, UnitStart start);

  TextBreaks& breaks_;
  UnitSink& sink_;
  std::string buffer_;  // [block_begin_, line_begin_) is the block, then lines not yet read
  std::size_t block_begin_ = 0, line_begin_ = 0, searched_ = 0;
  Block block_;
  Line fence_;            // kind kFence inside of fenced code
  bool in_line_ = false;  // the last piece read did not end its line
  UnitStart next_ = UnitStart::kParagraph;
  std::vector<std::size_t> ends_;
};

}  // namespace millrace::core
