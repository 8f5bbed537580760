#include <fmt/core.h>

#include <boost/beast/zlib/inflate_stream.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "http/console_files.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

/// The console runs its own script and style alone, and talks to this server alone.
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

/// For the few clients that take no gzip. RFC 1952: ten bytes before the deflated content when there is no name.
std::string Inflate(const ConsoleFile& file) {
  constexpr std::size_t kHeader = 10;
  std::string content(file.size, '\0');
  boost::beast::zlib::inflate_stream stream;
  boost::beast::zlib::z_params step{};
  step.next_in = file.gzip.data() + kHeader;
  step.avail_in = file.gzip.size() - kHeader;
  step.next_out = content.data();
  step.avail_out = content.size();
  boost::system::error_code failure;
  stream.write(step, boost::beast::zlib::Flush::finish, failure);
  content.resize(step.total_out);
  return content;
}

bool TakesGzip(const Request& request) {
  const std::string_view codings = request.header("accept-encoding").value_or("");
  return codings.find("gzip") != std::string_view::npos && codings.find("gzip;q=0") == std::string_view::npos;
}

/// Names with a hash in them never change their content; the page, which names them, is asked for each time.
Response ServeFile(const ConsoleFile& file, const Request& request) {
  Response response;
  const bool hashed = file.name.starts_with("assets/");
  const std::string tag = fmt::format("\"{}\"", file.digest);
  response.headers.emplace_back("Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.headers.emplace_back("Content-Security-Policy", kPolicy);
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  if (request.header("if-none-match").value_or("").find(tag) != std::string_view::npos) {
    response.status = 304;
    response.content_type.clear();
    return response;
  }
  response.content_type = file.content_type;
  if (TakesGzip(request)) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = file.gzip;
  } else {
    response.body = Inflate(file);
  }
  return response;
}

Response Serve(std::string_view name, const Request& request) {
  for (const ConsoleFile& file : ConsoleFiles()) {
    if (file.name == name) return ServeFile(file, request);
  }
  return ToResponse(Problem{404, "there is no such file in this version of the console", {}});
}

Response ServePage(const Request& request) { return Serve("index.html", request); }

Response ServeAsset(const Request& request) {
  return Serve(fmt::format("assets/{}", Find(request.path_params, "file").value_or("")), request);
}

}  // namespace

void AddConsoleRoutes(std::vector<Route>& routes) {
  // The files hold no data, and the console asks for the key, so they need none.
  const auto add = [&](const char* pattern, Handler handler) {
    routes.push_back({"GET", pattern, Scope::kNone, "", Surface::kPlain, std::move(handler), true});
  };
  add("/console/assets/{file}", ServeAsset);
  add("/console/icon.svg", [](const Request& request) { return Serve("icon.svg", request); });
  // Every other path is a place inside the console, which its script finds by itself.
  for (const char* place :
       {"/console", "/console/", "/console/{page}", "/console/{page}/{name}", "/console/{page}/{name}/{part}"}) {
    add(place, ServePage);
  }
}

}  // namespace millrace::http
