#include "http/head.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>

#include "http/reason.h"

namespace millrace::http {
namespace {

/// RFC 9110 §5.6.7, whatever the locale.
std::string FormatDate(std::time_t now) {
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm utc = fmt::gmtime(now);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                     kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                     utc.tm_sec);
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string FormatHead(const Response& response, Framing framing) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, ReasonPhrase(response.status),
                                 FormatDate(std::time(nullptr)));
  const auto add = [&head](std::string_view name, std::string_view value) {
    fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
  };
  if (!response.content_type.empty()) add("Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) add(name, value);
  if (!IsLong(response)) {
    if (response.status != 204 && response.status != 304) add("Content-Length", std::to_string(response.body.size()));
  } else if (framing.http_1_1) {
    add("Transfer-Encoding", "chunked");
  }
  const bool ends = !framing.keep_alive || (IsLong(response) && !framing.http_1_1);
  if (ends) add("Connection", "close");
  if (!ends && !framing.http_1_1) add("Connection", "keep-alive");
  return head + "\r\n";
}

std::optional<Problem> CheckHead(const Request& request, bool http_1_1, const ServerOptions& options) {
  if (request.target.size() > options.max_target_bytes) return Problem{414, "the URL is too long", {}};
  if (request.headers.size() > options.max_headers) {
    return Problem{431, fmt::format("a request may have at most {} header fields", options.max_headers), {}};
  }
  const auto hosts = std::count_if(request.headers.begin(), request.headers.end(),
                                   [](const auto& header) { return header.first == "host"; });
  if (hosts > 1 || (hosts == 0 && http_1_1)) return Problem{400, "there must be exactly one Host header", {}};
  const auto coding = request.header("transfer-encoding");
  if (coding && !EqualIgnoringCase(*coding, "chunked")) {
    return Problem{501, "the only transfer coding understood is chunked", {}};
  }
  const auto encoding = request.header("content-encoding");
  if (encoding && !EqualIgnoringCase(*encoding, "identity")) {
    return Problem{415, "bodies must come without a content coding", {}};
  }
  const auto expect = request.header("expect");
  if (expect && !EqualIgnoringCase(*expect, "100-continue")) {
    return Problem{417, "the only expectation understood is 100-continue", {}};
  }
  return std::nullopt;
}

}  // namespace millrace::http
