#pragma once

#include <cstddef>

#include "base/result.h"
#include "core/document.h"

namespace millrace::core {

struct DocumentLimits {
  std::size_t max_title_chars = 255;  // code points; the width of the contract's column
  std::size_t max_key_bytes = 512;
  std::size_t max_content_bytes = 10 << 20;
};

/// Valid UTF-8 without NUL, content not blank, sizes and chunking within bounds. The error names the field.
base::Status Validate(const NewDocument& document, const DocumentLimits& limits);

}  // namespace millrace::core
