#include "cli/http_client.h"

#include <curl/curl.h>
#include <fmt/core.h>

#include <cctype>

namespace millrace::cli {
namespace {

constexpr size_t kMaxAnswerBytes = 64 << 20;
constexpr long kConnectSeconds = 5;

size_t TakeBody(char* data, size_t, size_t size, void* user) {
  auto* body = static_cast<std::string*>(user);
  if (body->size() + size > kMaxAnswerBytes) return 0;
  body->append(data, size);
  return size;
}

bool IsLoopback(const std::string& url) {
  const size_t host = url.find("//") + 2;
  return url.compare(host, 9, "localhost") == 0 || url.compare(host, 4, "127.") == 0 ||
         url.compare(host, 5, "[::1]") == 0;
}

base::Error TransportError(CURLcode code, const Connection& connection) {
  const char* reason = curl_easy_strerror(code);
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return {base::Code::kUnavailable,
              fmt::format("no Millrace server at {}: start one with `millrace serve`", connection.url),
              {}};
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
      return {base::Code::kUnavailable, fmt::format("cannot reach {}: {}", connection.url, reason), {}};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {base::Code::kInvalidArgument, fmt::format("{} is not a server's URL", connection.url), {}};
    case CURLE_WRITE_ERROR: return {base::Code::kTooLarge, "the server's answer is larger than 64 MiB", {}};
    case CURLE_OPERATION_TIMEDOUT:
      return {base::Code::kDeadlineExceeded, fmt::format("{} did not answer in time", connection.url), {}};
    default:
      return {base::Code::kDeadlineExceeded, fmt::format("lost the connection to {}: {}", connection.url, reason), {}};
  }
}

}  // namespace

struct HttpClient::State {
  Connection connection;
  CURL* curl = nullptr;
};

HttpClient::HttpClient(Connection connection) : state_(std::make_unique<State>()) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  state_->connection = std::move(connection);
  state_->curl = initialised == CURLE_OK ? curl_easy_init() : nullptr;
}

HttpClient::~HttpClient() { curl_easy_cleanup(state_->curl); }

base::Result<Response> HttpClient::Send(const Request& request) {
  CURL* curl = state_->curl;
  if (curl == nullptr) return base::Error{base::Code::kInternal, "libcurl cannot be initialised", {}};
  curl_easy_reset(curl);
  const Connection& connection = state_->connection;
  const std::string url = connection.url + request.path;
  const std::string method(request.method);
  Response response;
  // curl would wait a second for "100 Continue" before larger bodies.
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");
  if (!request.content_type.empty()) {
    headers = curl_slist_append(headers, fmt::format("Content-Type: {}", request.content_type).c_str());
  }
  if (!request.idempotency_key.empty()) {
    headers = curl_slist_append(headers, ("Idempotency-Key: " + request.idempotency_key).c_str());
  }
  if (!connection.api_key.empty()) {
    headers = curl_slist_append(headers, ("Authorization: Bearer " + connection.api_key).c_str());
  }
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  if (IsLoopback(connection.url)) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, request.timeout_seconds);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "millrace");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response.body);
  // On a kept connection that turns out dead, curl sends the request again by itself.
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, request.once ? 1L : 0L);
  if (method == "POST" || method == "PATCH") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  if (method != "POST") curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  const CURLcode code = curl_easy_perform(curl);
  curl_slist_free_all(headers);
  if (code != CURLE_OK) return TransportError(code, connection);

  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  curl_off_t retry_after = 0;
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
  if (retry_after > 0) response.retry_after_seconds = static_cast<double>(retry_after);
  return response;
}

std::string EncodeQueryValue(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~')) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", byte);
    }
  }
  return encoded;
}

}  // namespace millrace::cli
