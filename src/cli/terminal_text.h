#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

/// Makes text from elsewhere safe to show: line breaks and tabs become spaces; control characters, characters that
/// reverse the reading direction and bytes that are not UTF-8 become `\x1b`, `\u202e`.
std::string EscapeControls(std::string_view text);

/// Columns a terminal uses for `text` (East Asian characters take two, combining marks none).
size_t DisplayWidth(std::string_view text);

/// `text` cut to `width` columns with `…` at its end when something had to go.
std::string CutToWidth(std::string_view text, size_t width);

/// Breaks `text` into lines of at most `width` columns at spaces, inside a word only where it alone is longer.
/// Line breaks of `text` stay; blank lines are dropped; controls are escaped. REQUIRES: width >= 2
std::vector<std::string> WrapText(std::string_view text, size_t width);

}  // namespace millrace::cli
