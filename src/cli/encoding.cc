#include "cli/encoding.h"

#include <fmt/core.h>
#include <iconv.h>
#include <strings.h>

#include <cctype>

#include "base/utf8.h"

namespace millrace::cli {
namespace {

base::Result<std::string> Convert(std::string_view bytes, const std::string& charset) {
  const iconv_t converter = iconv_open("UTF-8", charset.c_str());
  if (converter == reinterpret_cast<iconv_t>(-1)) {
    return base::Error{base::Code::kInvalidArgument, fmt::format("not UTF-8, and charset {} is unknown", charset), {}};
  }
  std::string text(bytes.size() * 4, '\0');  // no character set needs more than 4 bytes of UTF-8 for one of its own
  std::string input(bytes);
  char* in = input.data();
  char* out = text.data();
  size_t in_left = input.size();
  size_t out_left = text.size();
  const size_t converted = iconv(converter, &in, &in_left, &out, &out_left);
  iconv_close(converter);
  text.resize(text.size() - out_left);
  if (converted == static_cast<size_t>(-1) || in_left > 0 || !base::IsValidUtf8(text)) {
    return base::Error{base::Code::kInvalidArgument, fmt::format("not UTF-8, and not valid {} either", charset), {}};
  }
  return text;
}

/// What `<meta charset=…>` or `content="text/html; charset=…"` in the page's first kilobyte names.
std::string DeclaredCharset(std::string_view html) {
  const std::string_view head = html.substr(0, 1024);
  static constexpr std::string_view kName = "charset=";
  for (size_t i = 0; i + kName.size() < head.size(); ++i) {
    if (strncasecmp(head.data() + i, kName.data(), kName.size()) != 0) continue;
    i += kName.size();
    if (head[i] == '"' || head[i] == '\'') ++i;
    std::string charset;
    while (i < head.size() && charset.size() < 40 &&
           (std::isalnum(static_cast<unsigned char>(head[i])) != 0 || head[i] == '-' || head[i] == '_')) {
      charset += head[i++];
    }
    // The web's rule: pages that say Latin-1 or ASCII mean Windows-1252.
    for (const char* latin : {"iso-8859-1", "iso8859-1", "latin1", "us-ascii", "ascii"}) {
      if (strcasecmp(charset.c_str(), latin) == 0) return "windows-1252";
    }
    return charset;
  }
  return {};
}

}  // namespace

base::Result<std::string> DecodeText(std::string bytes, bool is_html) {
  const std::string_view view = bytes;
  if (view.starts_with("\xFF\xFE")) return Convert(view.substr(2), "UTF-16LE");
  if (view.starts_with("\xFE\xFF")) return Convert(view.substr(2), "UTF-16BE");
  if (view.starts_with("\xEF\xBB\xBF")) bytes.erase(0, 3);
  if (base::IsValidUtf8(bytes)) return bytes;
  const std::string charset = is_html ? DeclaredCharset(bytes) : std::string();
  if (charset.empty() || strcasecmp(charset.c_str(), "utf-8") == 0) {
    return base::Error{base::Code::kInvalidArgument, "not UTF-8", {}};
  }
  return Convert(bytes, charset);
}

}  // namespace millrace::cli
