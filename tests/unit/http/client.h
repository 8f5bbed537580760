#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::http {

/// A raw connection to a server on 127.0.0.1, so that tests can send what no HTTP client would.
class Client {
 public:
  explicit Client(std::uint16_t port, in_addr_t host = INADDR_LOOPBACK) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(host);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Client() { Close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  Client(Client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_), buffer_(std::move(other.buffer_)) {}

  bool connected() const { return connected_; }
  int fd() const { return fd_; }

  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// All bytes until the server closes, or `limit` passes.
  std::string ReadToEnd(std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (Receive(end)) continue;
    return std::exchange(buffer_, {});
  }

  /// Up to and with `mark`; what came, when it does not come.
  std::string ReadUntil(std::string_view mark, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    std::size_t at = 0;
    while ((at = buffer_.find(mark)) == std::string::npos) {
      if (!Receive(end)) return std::exchange(buffer_, {});
    }
    std::string found = buffer_.substr(0, at + mark.size());
    buffer_.erase(0, at + mark.size());
    return found;
  }

  /// Head and body of one answer with a Content-Length (or none).
  std::string ReadAnswer(std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    std::string head = ReadUntil("\r\n\r\n", limit);
    const std::size_t at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    const std::size_t length = std::stoul(head.substr(at + 16));
    const auto end = std::chrono::steady_clock::now() + limit;
    while (buffer_.size() < length && Receive(end)) continue;
    head += buffer_.substr(0, length);
    buffer_.erase(0, length);
    return head;
  }

 private:
  bool Receive(std::chrono::steady_clock::time_point end) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd ready{fd_, POLLIN, 0};
    if (left.count() <= 0 || poll(&ready, 1, static_cast<int>(left.count())) <= 0) return false;
    char bytes[16384];
    const auto got = recv(fd_, bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  int fd_;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace millrace::http
