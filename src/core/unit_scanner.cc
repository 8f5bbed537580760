#include "core/unit_scanner.h"

#include <algorithm>

#include "base/utf8.h"

namespace millrace::core {

std::string_view UnitScanner::Held(std::size_t begin, std::size_t end) const {
  return std::string_view(buffer_).substr(begin, end - begin);
}

void UnitScanner::Feed(std::string_view part, bool last) {
  buffer_ += part;
  std::size_t end = 0;
  bool complete = false;
  while (FindLineEnd(end, complete)) TakeLine(end, complete);
  if (last) {
    if (line_begin_ < buffer_.size()) TakeLine(buffer_.size(), true);
    EndBlock();
  }
  if (buffer_.capacity() > kMaxHeldBytes) {
    buffer_ = buffer_.substr(block_begin_);  // gives the memory of a large part back
  } else {
    buffer_.erase(0, block_begin_);
  }
  line_begin_ -= block_begin_;
  searched_ -= block_begin_;
  block_begin_ = 0;
}

/// The end of the next line, or of a piece of kMaxLineBytes of it; false when more text must arrive first.
bool UnitScanner::FindLineEnd(std::size_t& end, bool& complete) {
  const std::size_t limit = line_begin_ + kMaxLineBytes;
  searched_ = std::max(searched_, line_begin_);
  const std::size_t stop = std::min(limit, buffer_.size());
  const std::size_t found = Held(searched_, stop).find('\n');
  complete = found != std::string_view::npos;
  if (complete) {
    end = searched_ + found + 1;
    return true;
  }
  searched_ = stop;
  if (buffer_.size() <= limit) return false;
  end = base::FloorToCodePoint(buffer_, limit);
  return true;
}

void UnitScanner::TakeLine(std::size_t end, bool complete) {
  Line line = ReadLine(Held(line_begin_, end));
  const bool whole = complete && !in_line_;
  if (!whole && line.kind != Line::Kind::kBlank) line.kind = Line::Kind::kText;
  const bool continues = in_line_ && block_.kind != Block::Kind::kNone;
  in_line_ = !complete;
  if (continues) return Add(line, block_.kind, end);
  if (fence_.kind == Line::Kind::kFence) return TakeFenced(line, end);
  switch (line.kind) {
    case Line::Kind::kBlank: return Skip(end);
    case Line::Kind::kHeading: return TakeHeading(end);
    case Line::Kind::kFence: return TakeFence(line, end);
    case Line::Kind::kRule: return TakeRule(line, end);
    default: return TakeText(line, end);
  }
}

void UnitScanner::TakeFenced(const Line& line, std::size_t end) {
  if (line.kind == Line::Kind::kBlank) return Skip(end);
  Add(line, Block::Kind::kCode, end);
  if (line.kind == Line::Kind::kFence && line.bare && line.mark == fence_.mark && line.width >= fence_.width) {
    EndBlock();
    fence_ = {};
    next_ = UnitStart::kParagraph;
  }
}

void UnitScanner::TakeFence(const Line& line, std::size_t end) {
  if (UnderlinesBlock(line)) return TakeRule(line, end);
  EndBlock();
  fence_ = line;
  Add(line, Block::Kind::kCode, end);
}

void UnitScanner::TakeHeading(std::size_t end) {
  EndBlock();
  Emit(Held(line_begin_, end), UnitStart::kHeading);
  block_begin_ = line_begin_ = end;
}

void UnitScanner::TakeRule(const Line& line, std::size_t end) {
  if (UnderlinesBlock(line)) {
    Emit(Held(block_begin_, line_begin_), UnitStart::kHeading);
    block_ = {};
    block_begin_ = line_begin_;
    return Skip(end);
  }
  if (Separates(line)) return Skip(end);
  TakeText(line, end);
}

void UnitScanner::TakeText(const Line& line, std::size_t end) {
  Block::Kind kind = Block::Kind::kProse;
  if (line.kind == Line::Kind::kTable) kind = Block::Kind::kTable;
  if (line.kind == Line::Kind::kItem) kind = Block::Kind::kItem;
  if (StartsBlock(line, kind)) {
    EndBlock();
  } else {
    kind = block_.kind;
  }
  Add(line, kind, end);
}

bool UnitScanner::UnderlinesBlock(const Line& line) const {
  return block_.kind == Block::Kind::kProse && block_.lines == 1 && Underlines(line, block_.width);
}

/// Hard-wrapped text goes on; another kind of line, an item, or a change of the indentation begins something else.
bool UnitScanner::StartsBlock(const Line& line, Block::Kind kind) const {
  constexpr std::size_t kIndentStep = 2;
  switch (block_.kind) {
    case Block::Kind::kNone: return true;
    case Block::Kind::kTable: return kind != Block::Kind::kTable;
    case Block::Kind::kItem: return kind != Block::Kind::kProse || line.indent <= block_.indent;
    default: break;
  }
  if (kind != Block::Kind::kProse || line.indent >= block_.indent + kIndentStep) return true;
  return block_.lines > 1 && line.indent + kIndentStep <= block_.indent;  // a first line may be indented
}

void UnitScanner::Add(const Line& line, Block::Kind kind, std::size_t end) {
  const bool first = block_.kind == Block::Kind::kNone;
  block_.kind = kind;
  ++block_.lines;
  if (first || kind != Block::Kind::kItem) block_.indent = line.indent;
  block_.width = line.width;
  line_begin_ = end;
  if (line_begin_ - block_begin_ >= kMaxBlockBytes) CutBlock();
}

/// Blank lines and separators.
void UnitScanner::Skip(std::size_t end) {
  EndBlock();
  sink_.OnGap(Held(line_begin_, end));
  block_begin_ = line_begin_ = end;
  if (next_ == UnitStart::kSentence) next_ = UnitStart::kParagraph;
}

void UnitScanner::EndBlock() {
  const std::string_view text = Held(block_begin_, line_begin_);
  if (block_.kind == Block::Kind::kProse || block_.kind == Block::Kind::kItem) {
    breaks_.FindSentences(text, ends_);
    EmitSentences(text, ends_.size());
  } else if (block_.kind != Block::Kind::kNone) {
    Emit(text, next_);
  }
  block_ = {};
  block_begin_ = line_begin_;
}

/// Hands on what is complete of a block that has grown too long.
void UnitScanner::CutBlock() {
  const std::string_view text = Held(block_begin_, line_begin_);
  ends_.clear();
  if (block_.kind == Block::Kind::kProse || block_.kind == Block::Kind::kItem) breaks_.FindSentences(text, ends_);
  if (ends_.size() > 1) {
    EmitSentences(text, ends_.size() - 1);
    block_begin_ += ends_[ends_.size() - 2];
  } else {
    const std::size_t border = breaks_.LastBorder(text, base::FloorToCodePoint(text, text.size() - 1));
    Emit(text.substr(0, border), next_);
    block_begin_ += border;
  }
}

void UnitScanner::EmitSentences(std::string_view text, std::size_t count) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Emit(text.substr(begin, ends_[i] - begin), next_);
    begin = ends_[i];
  }
}

void UnitScanner::Emit(std::string_view text, UnitStart start) {
  const std::string_view unit = base::TrimWhiteSpace(text);
  if (unit.empty()) return sink_.OnGap(text);
  const auto lead = static_cast<std::size_t>(unit.data() - text.data());
  sink_.OnGap(text.substr(0, lead));
  sink_.OnUnit(unit, start);
  sink_.OnGap(text.substr(lead + unit.size()));
  next_ = start == UnitStart::kHeading ? UnitStart::kParagraph : UnitStart::kSentence;
}

}  // namespace millrace::core
