#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::cli {

/// The bytes of a text file as UTF-8 without a byte order mark: UTF-8 as it is, UTF-16 when a mark says so, and for
/// HTML the charset that the page declares. Anything else is refused rather than guessed.
base::Result<std::string> DecodeText(std::string bytes, bool is_html);

}  // namespace millrace::cli
