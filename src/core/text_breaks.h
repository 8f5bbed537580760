#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace millrace::core {

/// Where text may be cut, by ICU's rules of the root locale. One thread at a time.
class TextBreaks {
 public:
  TextBreaks();
  ~TextBreaks();

  /// Replaces `ends` by the end of each sentence, ascending; the last is text.size(). A line feed ends none.
  void FindSentences(std::string_view text, std::vector<std::size_t>& ends);

  /// The best place to cut at or before `end`: a line's end, white space, between words, between the characters a
  /// reader sees, between code points; the first of these that does not give up too much. Above 0. REQUIRES: 0 < end <
  /// text.size()
  std::size_t LastBorder(std::string_view text, std::size_t end);

 private:
  struct Icu;
  std::unique_ptr<Icu> icu_;
};

}  // namespace millrace::core
