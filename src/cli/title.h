#pragma once

#include <string>
#include <string_view>

namespace millrace::cli {

inline constexpr size_t kMaxTitleChars = 255;  // code points; the server's limit

/// The title a text gives itself: a `Title:` in its header block, else its first heading (Markdown `# …` or underlined;
/// reStructuredText underlined; plain text: only an underlined first line). Empty when it has none.
/// `type`: "md", "rst" or "txt".
std::string FindTextTitle(std::string_view type, std::string_view text);

/// White space collapsed, at most kMaxTitleChars.
std::string TidyTitle(std::string_view title);

}  // namespace millrace::cli
