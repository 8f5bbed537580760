#include "http/api_keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace millrace::http {
namespace {

constexpr std::size_t kMaxKeyBytes = 512;

std::optional<Scope> ParseScope(std::string_view name) {
  for (const Scope scope : {Scope::kRead, Scope::kWrite, Scope::kAdmin}) {
    if (ScopeName(scope) == name) return scope;
  }
  return std::nullopt;
}

std::string_view TakeWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
  line.remove_prefix(word.size());
  return word;
}

bool IsVisibleAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool EqualInConstantTime(std::string_view expected, std::string_view given) {
  std::size_t difference = expected.size() ^ given.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = expected.empty() ? '\0' : expected[i % expected.size()];
    difference |= static_cast<unsigned char>(given[i] ^ other);
  }
  return difference == 0;
}

}  // namespace

std::string_view ScopeName(Scope scope) {
  switch (scope) {
    case Scope::kNone: return "none";
    case Scope::kRead: return "read";
    case Scope::kWrite: return "write";
    case Scope::kAdmin: return "admin";
  }
  return "none";
}

base::Result<ApiKeys> ApiKeys::Parse(std::string_view text) {
  ApiKeys parsed;
  std::string problems;
  const auto complain = [&](int line, std::string_view what) {
    problems += fmt::format("{}line {}: {}", problems.empty() ? "" : "; ", line, what);
  };
  for (int line = 1; !text.empty(); ++line) {
    std::string_view rest = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(rest.size() + 1, text.size()));
    const std::string_view key = TakeWord(rest);
    if (key.empty() || key.front() == '#') continue;
    const std::string_view name = TakeWord(rest);
    const auto scope = ParseScope(name);
    if (!IsVisibleAscii(key) || key.size() > kMaxKeyBytes) {
      complain(line, "a key is 1 to 512 visible ASCII characters");
    } else if (!scope) {
      complain(line, "after the key there must be read, write or admin");
    } else if (parsed.Find(key)) {
      complain(line, "this key was given before");
    } else {
      parsed.keys_.push_back({std::string(key), *scope});
    }
  }
  if (problems.empty() && parsed.keys_.empty()) problems = "it holds no key";
  if (!problems.empty()) return base::Error{base::Code::kInvalidArgument, problems, {}};
  return parsed;
}

base::Result<ApiKeys> ApiKeys::Load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return base::Error{
        base::Code::kUnavailable, fmt::format("the API key file {} cannot be read or is empty", path), {}};
  }
  auto keys = Parse(text.str());
  if (!keys) return base::Error{keys.error().code, fmt::format("API key file {}: {}", path, keys.error().message), {}};
  return keys;
}

std::optional<Scope> ApiKeys::Find(std::string_view key) const {
  std::optional<Scope> found;
  for (const Entry& entry : keys_) {
    if (EqualInConstantTime(entry.key, key)) found = entry.scope;
  }
  return found;
}

}  // namespace millrace::http
