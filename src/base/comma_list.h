#pragma once

#include <algorithm>
#include <string_view>

#include "base/utf8.h"

namespace millrace::base {

/// The first item of a comma-separated list, without white space around it; it and its comma are taken off `list`.
inline std::string_view TakeItem(std::string_view& list) {
  const std::size_t comma = std::min(list.find(','), list.size());
  const std::string_view item = TrimWhiteSpace(list.substr(0, comma));
  list.remove_prefix(std::min(comma + 1, list.size()));
  return item;
}

}  // namespace millrace::base
