#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace millrace::http {

/// A request target taken apart. Segments are decoded after the split, so an encoded slash never separates.
struct Target {
  std::string path;
  std::vector<std::string> segments;  // of `/a/b`: `a`, `b`; of `/`: one empty one
  NamedValues query;
};

/// Takes origin-form and absolute-form. kInvalidArgument for bad percent-encoding, bytes that are not UTF-8 and control
/// characters.
base::Result<Target> ParseTarget(std::string_view target);

}  // namespace millrace::http
