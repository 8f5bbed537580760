#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::http {

/// What a key may do; each includes the ones before it. kNone is what routes ask that need no key.
enum class Scope { kNone, kRead, kWrite, kAdmin };
std::string_view ScopeName(Scope scope);

/// The bearer keys of `--api-keys FILE`. Immutable, so thread-safe.
class ApiKeys {
 public:
  /// Lines `KEY read|write|admin [comment]`; blank lines and lines starting with # are skipped. The error names each
  /// bad line.
  static base::Result<ApiKeys> Parse(std::string_view text);
  /// kUnavailable when the file cannot be read.
  static base::Result<ApiKeys> Load(const std::string& path);

  /// The time taken tells nothing of how much of a key was right.
  std::optional<Scope> Find(std::string_view key) const;
  std::size_t size() const { return keys_.size(); }

 private:
  struct Entry {
    std::string key;
    Scope scope;
  };
  std::vector<Entry> keys_;
};

}  // namespace millrace::http
