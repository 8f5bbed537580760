#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace millrace::cli {

struct FakeRequest {
  std::string method, path, headers, body;
};

struct FakeAnswer {
  int status = 200;
  std::string body = "{}";
  std::string headers = {};  // "Retry-After: 1\r\n"
  bool hang_up = false;      // close without an answer
};

/// Just enough HTTP to answer a client from a function, which is called by one connection at a time.
class FakeServer {
 public:
  using Handler = std::function<FakeAnswer(const FakeRequest&)>;

  explicit FakeServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }

  ~FakeServer() { Stop(); }

  /// What the handler wrote may be read after this.
  void Stop() {
    if (stopping_.exchange(true)) return;
    acceptor_.join();
    for (auto& connection : connections_) connection.join();
    close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  void Accept() {
    while (!stopping_) {
      if (!Readable(listener_)) continue;
      const int peer = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer >= 0) connections_.emplace_back([this, peer] { Serve(peer); });
    }
  }

  static bool Readable(int descriptor) {
    pollfd wait{descriptor, POLLIN, 0};
    return poll(&wait, 1, 20) == 1;
  }

  void Serve(int peer) {
    std::string input;
    while (!stopping_ && ServeOne(peer, &input)) {
    }
    close(peer);
  }

  bool More(int peer, std::string* input) {
    while (!stopping_ && !Readable(peer)) {
    }
    char buffer[65536];
    const ssize_t count = stopping_ ? 0 : recv(peer, buffer, sizeof(buffer), 0);
    if (count > 0) input->append(buffer, static_cast<size_t>(count));
    return count > 0;
  }

  bool ServeOne(int peer, std::string* input) {
    size_t head = 0;
    while ((head = input->find("\r\n\r\n")) == std::string::npos) {
      if (!More(peer, input)) return false;
    }
    FakeRequest request;
    request.headers = input->substr(0, head);
    const size_t space = request.headers.find(' ');
    request.method = request.headers.substr(0, space);
    request.path = request.headers.substr(space + 1, request.headers.find(' ', space + 1) - space - 1);
    const size_t length_at = request.headers.find("Content-Length: ");
    const size_t length = length_at == std::string::npos ? 0 : std::stoul(request.headers.substr(length_at + 16));
    while (input->size() < head + 4 + length) {
      if (!More(peer, input)) return false;
    }
    request.body = input->substr(head + 4, length);
    input->erase(0, head + 4 + length);
    FakeAnswer answer;
    {
      std::lock_guard lock(mutex_);
      answer = handler_(request);
    }
    if (answer.hang_up) return false;
    const std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " X\r\n" + answer.headers +
                             "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
    return send(peer, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }

  Handler handler_;
  std::mutex mutex_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> connections_;  // of the acceptor until it has ended
  std::thread acceptor_;
};

/// A port where connections are refused, and which nobody else gets meanwhile.
class NobodyThere {
 public:
  NobodyThere() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
  }
  ~NobodyThere() { close(socket_); }
  NobodyThere(const NobodyThere&) = delete;
  NobodyThere& operator=(const NobodyThere&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  const int socket_;
  int port_ = 0;
};

}  // namespace millrace::cli
