#pragma once

#include <cstddef>
#include <string_view>

namespace millrace::core {

/// What a line of plain text, Markdown or reStructuredText is by itself.
struct Line {
  enum class Kind {
    kBlank,    // white space, or the mark of an empty quoted line
    kHeading,  // `## Title`
    kRule,     // `-----`: a separator, or the underline of the line before
    kFence,    // three or more backticks or tildes, perhaps with a language
    kTable,    // `| a | b |`, `+---+`
    kItem,     // `- x`, `* x`, `3. x`, `3) x`
    kText,
  };
  Kind kind = Kind::kText;
  std::size_t indent = 0;  // columns
  std::size_t width = 0;   // code points between the white space at both ends; of kRule and kFence the run of marks
  char mark = 0;           // of kRule and kFence: the character they are made of
  bool bare = false;       // of kRule and kFence: nothing but that character, without gaps
};

/// `text` with or without its line feed.
Line ReadLine(std::string_view text);

/// Whether `rule` underlines a title of that width.
bool Underlines(const Line& rule, std::size_t title_width);

/// Whether a rule stands for itself when it underlines nothing; others (`...`, `"""`) are then text.
bool Separates(const Line& rule);

}  // namespace millrace::core
