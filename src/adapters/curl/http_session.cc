#include "adapters/curl/http_session.h"

#include <curl/curl.h>
#include <fmt/core.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace millrace::curl {
namespace {

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeList>;

struct Body {
  std::size_t most;
  std::string text = {};
};

std::size_t TakeBody(char* bytes, std::size_t, std::size_t size, void* user) {
  auto* body = static_cast<Body*>(user);
  if (body->text.size() + size > body->most) return 0;
  body->text.append(bytes, size);
  return size;
}

Headers HeadersOf(const HttpRequest& request) {
  Headers list(curl_slist_append(nullptr, "Expect:"));  // else curl would wait for "100 Continue" before larger bodies
  for (const auto& [name, value] : request.headers) {
    list.reset(curl_slist_append(list.release(), fmt::format("{}: {}", name, value).c_str()));
  }
  return list;
}

bool IsLoopback(std::string_view origin) {
  const std::string_view host = origin.substr(std::min(origin.find("//") + 2, origin.size()));
  return host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]");
}

std::string PartOf(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

struct HttpSession::State {
  std::string url, origin;
  std::size_t max_body_bytes = 0;
  bool usable = false;
  std::mutex mutex;
  std::vector<Handle> idle;  // each with its kept connection

  Handle Take() {
    std::lock_guard lock(mutex);
    if (idle.empty()) return Handle(usable ? curl_easy_init() : nullptr);
    Handle handle = std::move(idle.back());
    idle.pop_back();
    return handle;
  }
  void Return(Handle handle) {
    std::lock_guard lock(mutex);
    idle.push_back(std::move(handle));
  }
};

HttpSession::HttpSession(std::string url, std::size_t max_body_bytes) : state_(std::make_unique<State>()) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  state_->usable = initialised == CURLE_OK;
  const auto origin = OriginOf(url);
  state_->origin = origin ? *origin : "the URL is none of HTTP";
  state_->url = std::move(url);
  state_->max_body_bytes = max_body_bytes;
}

HttpSession::~HttpSession() = default;

base::Result<HttpAnswer> HttpSession::Send(const HttpRequest& request, base::Deadline deadline) {
  Handle handle = state_->Take();
  if (!handle) return base::Error{base::Code::kInternal, "libcurl cannot be initialised", {}};
  CURL* curl = handle.get();
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline.remaining()).count();
  const Headers headers = HeadersOf(request);
  const std::string url = state_->url + request.path;
  Body body{state_->max_body_bytes};
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  if (IsLoopback(state_->origin)) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(left, 1)));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "millrace");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  if (request.body) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body->data());
  }
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_off_t retry_after = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
  state_->Return(std::move(handle));
  if (code != CURLE_OK) {
    return base::Error{base::Code::kUnavailable, fmt::format("{}: {}", state_->origin, curl_easy_strerror(code)), {}};
  }
  HttpAnswer answer;
  answer.status = static_cast<int>(status);
  answer.body = std::move(body.text);
  if (retry_after > 0) answer.retry_after = std::chrono::seconds(retry_after);
  return answer;
}

base::Result<std::string> OriginOf(const std::string& url) {
  struct FreeUrl {
    void operator()(CURLU* parsed) const { curl_url_cleanup(parsed); }
  };
  const base::Error wrong{base::Code::kInvalidArgument, "a URL such as https://example.org/hooks", {}};
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return wrong;
  const std::string scheme = PartOf(parsed.get(), CURLUPART_SCHEME), host = PartOf(parsed.get(), CURLUPART_HOST);
  if ((scheme != "http" && scheme != "https") || host.empty()) return wrong;
  const std::string port = PartOf(parsed.get(), CURLUPART_PORT);
  return fmt::format("{}://{}{}{}", scheme, host, port.empty() ? "" : ":", port);
}

}  // namespace millrace::curl
