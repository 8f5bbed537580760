#pragma once

#include <cstddef>
#include <string_view>

namespace millrace::core {

/// Whether a sentence that begins at `begin` really ends at `border`, where Unicode's rules (UAX #29) see an end: they
/// know no abbreviations (`Dr.`), initials, list numbers, quoted speech or addresses. `text` holds no line feeds.
bool EndsSentence(std::string_view text, std::size_t begin, std::size_t border);

}  // namespace millrace::core
