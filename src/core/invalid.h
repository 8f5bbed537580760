#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace millrace::core {

/// kInvalidArgument: what was expected of `field`, a JSON pointer such as `/chunking/max_tokens`.
inline base::Error Invalid(std::string field, std::string message) {
  return {base::Code::kInvalidArgument, std::move(message), std::move(field)};
}

}  // namespace millrace::core
