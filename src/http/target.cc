#include "http/target.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace millrace::http {
namespace {

base::Error Malformed(std::string message) { return {base::Code::kInvalidArgument, std::move(message), {}}; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

base::Result<std::string> Decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return Malformed("the URL has a % that is not followed by two hexadecimal digits");
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  if (!base::IsValidUtf8(decoded)) return Malformed("the URL is not valid UTF-8");
  return decoded;
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

base::Result<NamedValues> ParseQuery(std::string_view query) {
  constexpr size_t kMaxParameters = 100;
  NamedValues values;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    ASSIGN_OR_RETURN(std::string name, Decode(pair.substr(0, equals), true));
    ASSIGN_OR_RETURN(std::string value, Decode(pair.substr(std::min(equals + 1, pair.size())), true));
    values.emplace_back(std::move(name), std::move(value));
    if (values.size() > kMaxParameters) return Malformed("the URL has more than 100 query parameters");
  }
  return values;
}

/// `http://host/path` and `https://host/path` become `/path`.
std::string_view WithoutAuthority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const size_t slash = target.find_first_of("/?", scheme.size());
    if (slash == std::string_view::npos || target[slash] == '?') return "/";
    return target.substr(slash);
  }
  return target;
}

}  // namespace

base::Result<Target> ParseTarget(std::string_view target) {
  target = WithoutAuthority(target);
  if (!target.starts_with('/')) return Malformed("the request target must start with a slash");
  target = target.substr(0, target.find('#'));
  const size_t question = std::min(target.find('?'), target.size());
  std::string_view path = target.substr(0, question);
  Target parsed;
  ASSIGN_OR_RETURN(parsed.query, ParseQuery(target.substr(std::min(question + 1, target.size()))));
  while (!path.empty()) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    ASSIGN_OR_RETURN(std::string segment, Decode(path.substr(0, end), false));
    if (HasControl(segment)) return Malformed("the URL's path has a control character");
    parsed.path += '/';
    parsed.path += segment;
    parsed.segments.push_back(std::move(segment));
    path.remove_prefix(end);
  }
  return parsed;
}

}  // namespace millrace::http
