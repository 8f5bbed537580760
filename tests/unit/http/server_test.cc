#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "http/router.h"
#include "unit/http/client.h"

namespace millrace::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Holds handlers until it is opened.
class Gate {
 public:
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait_for(lock, seconds(20), [this] { return open_; });
    --waiting_;
  }
  bool AwaitWaiting(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(10), [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

/// Sends what Push is given, from any thread.
class PushedEvents final : public EventStream {
 public:
  void Start(std::function<void()> ready) override {
    std::lock_guard lock(mutex_);
    ready_ = std::move(ready);
  }
  std::string Take() override {
    std::lock_guard lock(mutex_);
    return std::exchange(text_, {});
  }
  void Push(const std::string& text) {
    std::function<void()> ready;
    {
      std::lock_guard lock(mutex_);
      text_ += text;
      ready = ready_;
    }
    if (ready) ready();
  }

 private:
  std::mutex mutex_;
  std::string text_;
  std::function<void()> ready_;
};

class HttpServer : public testing::Test {
 protected:
  HttpServer() {
    options_.port = 0;
    options_.worker_threads = 4;
  }

  ~HttpServer() override {
    gate_.Open();
    server_.reset();
  }

  Client Start() {
    std::vector<Route> routes;
    const auto add = [&](std::string method, std::string pattern, Handler handler) {
      routes.push_back(
          {std::move(method), std::move(pattern), Scope::kNone, "x", Surface::kContract, std::move(handler)});
    };
    const auto text = [](std::string body) {
      Response response;
      response.content_type = "text/plain";
      response.body = std::move(body);
      return response;
    };
    add("GET", "/", [text](const Request&) { return text("root"); });
    add("GET", "/echo/{word}", [text](const Request& request) { return text(request.path_params[0].second); });
    add("POST", "/length", [text](const Request& request) { return text(std::to_string(request.body.size())); });
    add("GET", "/throw", [](const Request&) -> Response { throw std::runtime_error("secret"); });
    add("GET", "/big", [text](const Request&) { return text(std::string(64 << 20, 'x')); });
    add("GET", "/gate", [this, text](const Request&) {
      gate_.Pass();
      return text("passed");
    });
    add("GET", "/until-gone", [this, text](const Request& request) {
      gate_.Pass();
      for (int i = 0; i < 1000 && !*request.cancelled; ++i) std::this_thread::sleep_for(milliseconds(5));
      saw_cancel_ = request.cancelled->load();
      return text("x");
    });
    add("GET", "/parts", [text](const Request& request) {
      Response response = text("0;");
      const bool fails = Find(request.query, "fail").has_value();
      response.next_part = [n = std::make_shared<int>(0), fails]() -> base::Result<std::string> {
        if (++*n < 4) return std::to_string(*n) + ";";
        if (fails) return base::Error{base::Code::kUnavailable, "gone", {}};
        return std::string();
      };
      return response;
    });
    add("GET", "/events", [this](const Request&) {
      Response response;
      response.content_type = "text/event-stream";
      response.body = "hello\n\n";
      response.events = events_;
      return response;
    });
    router_ = std::make_unique<Router>(std::move(routes), AccessOptions{}, metrics_);
    server_ = std::make_unique<Server>(options_, *router_, metrics_);
    const auto started = server_->Start();
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
    return Connect();
  }

  Client Connect() { return Client(server_->port()); }

  base::Metrics metrics_;
  ServerOptions options_;
  Gate gate_;
  std::atomic<bool> saw_cancel_{false};
  std::shared_ptr<PushedEvents> events_ = std::make_shared<PushedEvents>();
  std::unique_ptr<Router> router_;
  std::unique_ptr<Server> server_;
};

TEST_F(HttpServer, AnswersARoute) {
  Client client = Start();
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  const std::string answer = client.ReadAnswer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Request-Id: "));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nroot"));
}

}  // namespace
}  // namespace millrace::http
