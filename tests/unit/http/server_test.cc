#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

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
    options_.listen.port = 0;
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
      for (int i = 0; i < 4000 && !*request.cancelled; ++i) std::this_thread::sleep_for(milliseconds(5));
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

TEST_F(HttpServer, AnswersPipelinedRequestsInOrder) {
  Client client = Start();
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += "GET /echo/n" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 50; ++i) EXPECT_THAT(client.ReadAnswer(), testing::EndsWith("\r\n\r\nn" + std::to_string(i)));
}

TEST_F(HttpServer, KeepsConnectionsAsTheVersionSays) {
  Client client = Start();
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(client.ReadToEnd(), HasSubstr("Connection: close"));
  Client old = Connect();
  ASSERT_TRUE(old.Send("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_THAT(old.ReadToEnd(seconds(5)), HasSubstr("root"));
  Client kept = Connect();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(kept.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT_THAT(kept.ReadAnswer(), HasSubstr("Connection: keep-alive"));
  }
}

TEST_F(HttpServer, HeadHasTheHeaderAlone) {
  Client client = Start();
  ASSERT_TRUE(
      client.Send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nHEAD /parts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  const std::string both = client.ReadToEnd();
  EXPECT_THAT(both, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_THAT(both, Not(HasSubstr("root")));
  EXPECT_THAT(both, testing::EndsWith("\r\n\r\n"));
}

TEST_F(HttpServer, RefusesByRoute) {
  Client client = Start();
  ASSERT_TRUE(client.Send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(client.ReadAnswer(), testing::AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("problem+json")));
  ASSERT_TRUE(client.Send("PUT / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(client.ReadAnswer(),
              testing::AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: GET, HEAD, OPTIONS\r\n")));
  ASSERT_TRUE(client.Send("GET /throw HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(client.ReadAnswer(), testing::AllOf(StartsWith("HTTP/1.1 500 "), Not(HasSubstr("secret"))));
}

TEST_F(HttpServer, AnswersPreflights) {
  Client client = Start();
  ASSERT_TRUE(
      client.Send("OPTIONS /length HTTP/1.1\r\nHost: x\r\nOrigin: http://a.example\r\n"
                  "Access-Control-Request-Method: POST\r\n\r\n"));
  const std::string answer = client.ReadAnswer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(answer, HasSubstr("Access-Control-Allow-Origin: *\r\n"));
  EXPECT_THAT(answer, HasSubstr("Access-Control-Allow-Methods: OPTIONS, POST\r\n"));
}

struct BadRequest {
  std::string request;
  std::string status;
};

TEST_F(HttpServer, RefusesWhatIsNoProperRequest) {
  Client first = Start();
  const std::string host = "Host: x\r\n";
  const std::vector<BadRequest> cases = {
      {"nonsense\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nbad header\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"GET / HTTP/2.5\r\n" + host + "\r\n", "505"},
      {"POST /length HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST /length HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400"},
      {"POST /length HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", "400"},
      {"POST /length HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999999\r\n\r\n", "400"},
      {"POST /length HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
      {"POST /length HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
      {"POST /length HTTP/1.1\r\n" + host + "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "415"},
      {"POST /length HTTP/1.1\r\n" + host + "Expect: magic\r\nContent-Length: 1\r\n\r\nx", "417"},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", "414"},
      {"GET /" + std::string(40000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", "414"},
      {"GET / HTTP/1.1\r\n" + host + "X: " + std::string(40000, 'a') + "\r\n\r\n", "431"},
  };
  for (const BadRequest& bad : cases) {
    Client client = Connect();
    client.Send(bad.request);
    const std::string answer = client.ReadToEnd();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + bad.status + " ")) << bad.request.substr(0, 120);
    EXPECT_THAT(answer, HasSubstr("\"detail\":\"")) << bad.request.substr(0, 120);
  }
  std::string many = "GET / HTTP/1.1\r\n" + host;
  for (int i = 0; i < 200; ++i) many += "A" + std::to_string(i) + ": b\r\n";
  ASSERT_TRUE(first.Send(many + "\r\n"));
  EXPECT_THAT(first.ReadToEnd(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServer, PathTricksReachNothing) {
  Client client = Start();
  const std::pair<const char*, const char*> cases[] = {
      {"/echo/../", "404"},
      {"/echo/%2e%2e", "200"},
      {"//", "404"},
      {"/./", "404"},
      {"/%00", "400"},
      {"/%c0%af", "400"},
      {"/echo/%c0%ae", "400"},
      {"/echo/%ed%a0%80", "400"},
      {"/echo/%0d%0aX:%20y", "400"},
      {"/echo/a%2Fb", "200"},
      {"/echo%2fa", "404"},
      {"/%", "400"},
      {"/%zz", "400"},
      {"/echo/", "404"},
      {"/echo//a", "404"},
      {"/?a=%", "400"},
      {"http://x/", "200"},
      {"http://x", "200"},
      {"*", "400"},
      {"echo/a", "400"},
  };
  for (const auto& [path, status] : cases) {
    ASSERT_TRUE(client.Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 " + std::string(status) + " ")) << path;
  }
}

TEST_F(HttpServer, TakesBodiesWithLengthAndInChunks) {
  Client client = Start();
  ASSERT_TRUE(client.Send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"));
  EXPECT_THAT(client.ReadAnswer(), testing::EndsWith("\r\n\r\n5"));
  ASSERT_TRUE(client.Send("POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
  ASSERT_TRUE(client.Send("4;x=y\r\ndefg\r\n0\r\nTrailer: z\r\n\r\n"));
  EXPECT_THAT(client.ReadAnswer(), testing::EndsWith("\r\n\r\n7"));
  ASSERT_TRUE(client.Send("POST /length HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client.Send("ab"));
  EXPECT_THAT(client.ReadAnswer(), testing::EndsWith("\r\n\r\n2"));
}

TEST_F(HttpServer, TellsThatABodyIsTooLarge) {
  options_.max_body_bytes = 1000;
  Client client = Start();
  client.Send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'));
  EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 413 "));
  Client chunked = Connect();
  chunked.Send("POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2dc6c0\r\n" +
               std::string(3'000'000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_THAT(chunked.ReadToEnd(), StartsWith("HTTP/1.1 413 "));
  Client expecting = Connect();
  expecting.Send("POST /length HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3000000\r\n\r\n");
  EXPECT_THAT(expecting.ReadAnswer(), StartsWith("HTTP/1.1 413 "));
  Client exact = Connect();
  ASSERT_TRUE(exact.Send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x')));
  EXPECT_THAT(exact.ReadAnswer(), testing::EndsWith("\r\n\r\n1000"));
}

TEST_F(HttpServer, BoundsTheBodiesOfAllRequestsTogether) {
  options_.max_bodies_bytes = 1500;
  Client holder = Start();
  ASSERT_TRUE(holder.Send("POST /length HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n"));
  EXPECT_THAT(holder.ReadUntil("\r\n\r\n"), HasSubstr("100 Continue"));  // its share is taken now
  Client refused = Connect();
  refused.Send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  const std::string answer = refused.ReadAnswer();
  EXPECT_THAT(answer, testing::AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: ")));
  ASSERT_TRUE(holder.Send(std::string(1000, 'x')));
  EXPECT_THAT(holder.ReadAnswer(), testing::EndsWith("\r\n\r\n1000"));
  Client after = Connect();
  ASSERT_TRUE(after.Send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 1500\r\n\r\n" + std::string(1500, 'x')));
  EXPECT_THAT(after.ReadAnswer(), testing::EndsWith("\r\n\r\n1500"));
}

TEST_F(HttpServer, GivesUpOnHalfSentRequests) {
  options_.header_timeout = options_.body_timeout = seconds(1);  // what is sent here is sent well before
  Client header = Start();
  ASSERT_TRUE(header.Send("GET / HTTP/1.1\r\nHos"));
  EXPECT_THAT(header.ReadToEnd(), StartsWith("HTTP/1.1 408 "));
  Client body = Connect();
  ASSERT_TRUE(body.Send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"));
  EXPECT_THAT(body.ReadToEnd(), StartsWith("HTTP/1.1 408 "));
  Client silent = Connect();
  EXPECT_EQ(silent.ReadToEnd(), "");
}

TEST_F(HttpServer, DripsDoNotExtendTheHeaderTimeout) {
  options_.header_timeout = milliseconds(300);
  Client client = Start();
  const auto start = std::chrono::steady_clock::now();
  while (client.Send("G") && std::chrono::steady_clock::now() - start < seconds(5)) {
    if (!client.ReadToEnd(milliseconds(50)).empty()) break;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5)) << "it went on as long as it was fed";
}

TEST_F(HttpServer, ClosesIdleConnections) {
  options_.idle_timeout = milliseconds(200);
  Client client = Start();
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(client.ReadAnswer(), HasSubstr("200 OK"));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
}

TEST_F(HttpServer, GivesUpOnSlowReaders) {
  options_.write_timeout = milliseconds(200) - seconds(1024);  // takes the second per 64 KiB of /big away
  Client client = Start();
  ASSERT_TRUE(client.Send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("200 OK"));
  const auto gone = [this] { return metrics_.Render().find("\nmillrace_http_connections 0\n") != std::string::npos; };
  for (int i = 0; i < 2000 && !gone(); ++i) std::this_thread::sleep_for(milliseconds(10));
  ASSERT_TRUE(gone());
  EXPECT_LT(client.ReadToEnd().size(), 60u << 20);  // what the kernel had buffered
}

TEST_F(HttpServer, SendsLongBodiesInParts) {
  Client client = Start();
  ASSERT_TRUE(client.Send("GET /parts HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(client.ReadUntil("0\r\n\r\n"), "2\r\n0;\r\n2\r\n1;\r\n2\r\n2;\r\n2\r\n3;\r\n0\r\n\r\n");
  Client old = Connect();
  ASSERT_TRUE(old.Send("GET /parts HTTP/1.0\r\n\r\n"));
  EXPECT_THAT(old.ReadToEnd(), testing::EndsWith("\r\n\r\n0;1;2;3;"));
  Client failing = Connect();
  ASSERT_TRUE(failing.Send("GET /parts?fail HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(failing.ReadToEnd(), testing::EndsWith("2\r\n3;\r\n"));
}

TEST_F(HttpServer, StreamsEventsUntilTheClientGoes) {
  options_.keep_alive_period = milliseconds(100);
  Client client = Start();
  ASSERT_TRUE(client.Send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(client.ReadUntil("hello\n\n"), HasSubstr("text/event-stream"));
  EXPECT_THAT(client.ReadUntil("keep-alive\n\n"), HasSubstr(": keep-alive\n\n"));
  std::thread pusher([this] {
    for (int i = 0; i < 100; ++i) events_->Push("data: " + std::to_string(i) + "\n\n");
  });
  EXPECT_THAT(client.ReadUntil("data: 99\n\n"), HasSubstr("data: 0\n\n"));
  pusher.join();
  client.Close();
  const auto alone = [this] { return events_.use_count() == 1; };
  for (int i = 0; i < 2000 && !alone(); ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(alone());
  events_->Push("too late");
}

TEST_F(HttpServer, TellsHandlersThatTheClientIsGone) {
  Client client = Start();
  ASSERT_TRUE(client.Send("GET /until-gone HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(gate_.AwaitWaiting(1));
  client.Close();
  gate_.Open();
  for (int i = 0; i < 2000 && !saw_cancel_; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(saw_cancel_);
}

TEST_F(HttpServer, AnswersClientsThatClosedTheirHalf) {
  Client client = Start();
  ASSERT_TRUE(client.Send("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n"));
  shutdown(client.fd(), SHUT_WR);
  ASSERT_TRUE(gate_.AwaitWaiting(1));
  gate_.Open();
  EXPECT_THAT(client.ReadToEnd(), HasSubstr("passed"));
}

TEST_F(HttpServer, RefusesWhenAllWorkersAndTheQueueAreTaken) {
  options_.worker_threads = 1;
  options_.max_queued_requests = 1;
  Client running = Start();
  ASSERT_TRUE(running.Send("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(gate_.AwaitWaiting(1));
  Client queued = Connect();
  ASSERT_TRUE(queued.Send("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n"));
  std::string answer;
  std::vector<Client> others;
  for (int i = 0; i < 2; ++i) {  // one of three finds the queue full, whichever came first
    others.push_back(Connect());
    ASSERT_TRUE(others.back().Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  answer = others[1].ReadAnswer() + others[0].ReadAnswer();
  EXPECT_THAT(answer, testing::AllOf(HasSubstr("HTTP/1.1 503 "), HasSubstr("Retry-After: ")));
  gate_.Open();
  EXPECT_THAT(running.ReadAnswer(), HasSubstr("passed"));
}

TEST_F(HttpServer, HoldsAThousandConnections) {
  Client first = Start();
  std::vector<Client> clients;
  for (int i = 0; i < 1200; ++i) {
    clients.push_back(Connect());
    ASSERT_TRUE(clients.back().connected()) << i;
  }
  for (Client& client : clients) ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  int answered = 0;
  for (Client& client : clients) answered += client.ReadAnswer().ends_with("\r\n\r\nroot") ? 1 : 0;
  EXPECT_EQ(answered, 1200);
}

TEST_F(HttpServer, TellsThatThereAreTooManyConnections) {
  options_.max_connections = 2;
  Client first = Start();
  ASSERT_TRUE(first.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(first.ReadAnswer(), HasSubstr("200 OK"));
  Client second = Connect();
  ASSERT_TRUE(second.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(second.ReadAnswer(), HasSubstr("200 OK"));
  Client third = Connect();
  EXPECT_THAT(third.ReadAnswer(), StartsWith("HTTP/1.1 503 "));
}

TEST_F(HttpServer, DrainAnswersWhatRunsAndEndsTheRest) {
  Client running = Start();
  Client idle = Connect(), watching = Connect();
  ASSERT_TRUE(idle.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(idle.ReadAnswer(), HasSubstr("200 OK"));
  ASSERT_TRUE(watching.Send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n"));
  watching.ReadUntil("hello\n\n");
  ASSERT_TRUE(running.Send("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(gate_.AwaitWaiting(1));
  std::thread opener([this] {
    std::this_thread::sleep_for(milliseconds(200));
    gate_.Open();
  });
  const auto start = std::chrono::steady_clock::now();
  server_->Drain(base::Deadline::AfterSeconds(10));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
  opener.join();
  EXPECT_THAT(running.ReadToEnd(), testing::AllOf(HasSubstr("Connection: close\r\n"), HasSubstr("passed")));
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_THAT(watching.ReadToEnd(), testing::EndsWith("0\r\n\r\n"));
  EXPECT_FALSE(Connect().connected());
}

TEST_F(HttpServer, DrainBreaksOffAtItsDeadline) {
  Client running = Start();
  ASSERT_TRUE(running.Send("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(gate_.AwaitWaiting(1));
  const auto start = std::chrono::steady_clock::now();
  server_->Drain(base::Deadline::AfterSeconds(0.2));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(3));
  EXPECT_EQ(running.ReadToEnd(), "");
}

TEST_F(HttpServer, SaysThatItsPortIsTaken) {
  Client client = Start();
  ServerOptions options;
  options.listen.port = server_->port();
  Server second(options, *router_, metrics_);
  const auto started = second.Start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "port " + std::to_string(options.listen.port) + " is taken");
}

TEST_F(HttpServer, AnswersAtASecondPlaceToo) {
  Client taken = Start();
  ServerOptions options;
  options.listen.port = 0;
  options.also = {{"127.0.0.1", server_->port()}};
  Server without(options, *router_, metrics_);
  EXPECT_TRUE(without.Start()) << "a second place that is taken is no reason not to start";
  options.also = {{"127.0.0.2", server_->port()}};  // a port that is taken, at an address where nobody listens
  Server with(options, *router_, metrics_);
  ASSERT_TRUE(with.Start());
  Client client(server_->port(), INADDR_LOOPBACK + 1);
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServer, CountsRequests) {
  Client client = Start();
  ASSERT_TRUE(client.Send("GET /echo/a HTTP/1.1\r\nHost: x\r\n\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n"));
  client.ReadAnswer();
  client.ReadAnswer();
  const std::string text = metrics_.Render();
  EXPECT_THAT(text, HasSubstr(R"(millrace_http_requests_total{method="GET",route="/echo/{word}",status="200"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(millrace_http_requests_total{method="GET",route="unmatched",status="404"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(millrace_http_request_seconds_count{route="/echo/{word}"} 1)"));
}

}  // namespace
}  // namespace millrace::http
