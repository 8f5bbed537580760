#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace millrace::http {

/// A file of the web console (`web/`, built by scripts/console), put into the binary by CMake.
struct ConsoleFile {
  std::string_view name;  // below /console/, such as `index.html` or `assets/index-1a2b3c.js`
  std::string_view content_type;
  std::string_view gzip;    // one member, without a name
  std::size_t size = 0;     // of the content
  std::string_view digest;  // of the content; changes with it
};

std::span<const ConsoleFile> ConsoleFiles();

}  // namespace millrace::http
