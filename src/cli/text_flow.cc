#include "cli/text_flow.h"

#include <algorithm>

namespace millrace::cli {
namespace {

constexpr std::string_view kNoBreakSpace = "\xC2\xA0";
constexpr std::string_view kSoftHyphen = "\xC2\xAD";

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'; }

}  // namespace

void TextFlow::Want(int lines) {
  if (line_depth_ > 0) {
    space_ = true;
  } else if (mark_.empty()) {
    wanted_ = std::max(wanted_, glued_ ? std::min(lines, 1) : lines);
  }
}

void TextFlow::LineBreak() { Want(std::min(wanted_ + 1, 2)); }

void TextFlow::Mark(std::string mark) {
  if (line_depth_ == 0) mark_ = std::move(mark);
}

void TextFlow::EndRow() { cells_ = 0; }

void TextFlow::OpenText() {
  if (wanted_ > 0) {
    text_.erase(text_.find_last_not_of(" \n") + 1);
    if (!text_.empty()) text_.append(static_cast<size_t>(wanted_), '\n');
    space_ = false;
  }
  for (; cells_ > 0; --cells_) {
    text_ += text_.empty() || text_.back() == '\n' ? "| " : " | ";
    space_ = false;
  }
  if (!mark_.empty()) {
    text_ += mark_;
    space_ = false;
  }
  if (space_ && !text_.empty() && !IsSpace(text_.back())) text_ += ' ';
  mark_.clear();
  wanted_ = 0;
  glued_ = space_ = false;
}

void TextFlow::Add(std::string_view text) {
  while (!text.empty()) {
    if (IsSpace(text.front()) || text.starts_with(kNoBreakSpace)) {
      space_ = true;
      text.remove_prefix(IsSpace(text.front()) ? 1 : kNoBreakSpace.size());
      continue;
    }
    if (text.starts_with(kSoftHyphen)) {
      text.remove_prefix(kSoftHyphen.size());
      continue;
    }
    size_t end = 1;
    while (end < text.size() && !IsSpace(text[end]) && text[end] != '\xC2') ++end;
    OpenText();
    text_ += text.substr(0, end);
    text.remove_prefix(end);
  }
}

void TextFlow::AddPreformatted(std::string_view text) {
  if (text.empty()) return;
  OpenText();
  text_ += text;
}

std::string TextFlow::Take() && {
  const size_t end = text_.find_last_not_of(" \n\t\r") + 1;
  text_.resize(end);
  if (!text_.empty()) text_ += '\n';
  return std::move(text_);
}

}  // namespace millrace::cli
