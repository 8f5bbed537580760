#include "cli/page.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "cli/encoding.h"
#include "cli/html_text.h"
#include "cli/json_lines.h"
#include "cli/title.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

constexpr std::uintmax_t kMaxFileBytes = 64 << 20;

base::Result<std::string> ReadBytes(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > kMaxFileBytes) return base::Error{base::Code::kTooLarge, "larger than 64 MiB", {}};
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(error ? 0 : static_cast<size_t>(size), '\0');
  if (stream) stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (error || !stream) {
    return base::Error{base::Code::kUnavailable,
                       fmt::format("cannot be read: {}", error ? error.message() : std::strerror(errno)),
                       {}};
  }
  return bytes;
}

base::Result<HtmlPage> ReadPage(const SourceFile& file, std::string text) {
  if (file.type != "html") return HtmlPage{FindTextTitle(file.type, text), std::move(text)};
  ASSIGN_OR_RETURN(HtmlPage page, ReadHtml(text));
  if (page.text.empty()) return base::Error{base::Code::kInvalidArgument, "the page holds no text", {}};
  return page;
}

}  // namespace

void ReadFile(const SourceFile& file, const std::string& chunking, const DocumentSink& sink) {
  const std::string name = file.path.string();
  auto bytes = ReadBytes(file.path);
  auto text = bytes ? DecodeText(std::move(bytes).value(), file.type == "html") : std::move(bytes);
  if (!text) return sink.fail(name, text.error().message);

  const json::object metadata{{"path", file.path.lexically_normal().generic_string()}, {"type", file.type}};
  if (file.type == "json") return ReadJsonText(*text, {name, file.key, json::serialize(metadata), chunking}, sink);

  auto page = ReadPage(file, std::move(text).value());
  if (!page) return sink.fail(name, page.error().message);
  std::string title = TidyTitle(page->title);
  if (title.empty()) title = TidyTitle(file.path.filename().string());
  json::object body{{"key", file.key}, {"title", title}, {"content", page->text}, {"metadata", metadata}};
  if (!chunking.empty()) body["chunking"] = {{"strategy", chunking}};
  sink.take({name, file.key, json::serialize(body)});
}

}  // namespace millrace::cli
