#pragma once

#include <string>
#include <string_view>

namespace millrace::cli {

/// Collects running text: spaces collapse, breaks between blocks merge to the widest one asked for.
class TextFlow {
 public:
  /// Appends text whose white space means nothing but a space (HTML's rule; no-break spaces too).
  void Add(std::string_view text);
  /// Appends text whose spaces and line breaks count.
  void AddPreformatted(std::string_view text);

  void Break() { Want(1); }      // the next text starts a line
  void Paragraph() { Want(2); }  // the next text starts a paragraph
  void LineBreak();              // <br>: two in a row make a paragraph
  /// Starts the next text with `mark` ("# ", "- "); breaks until then are swallowed, and without text so is the mark.
  void Mark(std::string mark);
  /// Keeps the next text on the line below, whatever breaks come before it.
  void Glue() { glued_ = true; }
  /// From now on all breaks are spaces (table cells, headings); calls nest.
  void BeginLine() { ++line_depth_; }
  void EndLine() { --line_depth_; }
  /// The next text stands in another cell of the row.
  void NextCell() { ++cells_; }
  void EndRow();

  void DropMark() { mark_.clear(); }
  size_t size() const { return text_.size(); }
  std::string_view from(size_t begin) const { return std::string_view(text_).substr(begin); }
  std::string Take() &&;

 private:
  void Want(int lines);
  void OpenText();  // writes what is due before text: breaks, marks, cell separators, one space

  std::string text_;
  std::string mark_;
  int wanted_ = 0;
  int line_depth_ = 0;
  int cells_ = 0;
  bool glued_ = false;
  bool space_ = false;
};

}  // namespace millrace::cli
