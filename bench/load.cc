// bench_load accept PORT CONNECTIONS SECONDS LINES [STRATEGY]
//   documents of 1 KB, LINES in each request (1: POST /v1/documents), cut as STRATEGY says
// bench_load search PORT CONNECTIONS SECONDS QUERIES
//   the lines of the file QUERIES, again and again
// Keep-alive connections to 127.0.0.1, each with one request at a time. Prints one line of JSON: rate, and latencies as
// the client sees them; for searches also what the server says its index and the fetching of the passages took.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace millrace::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kWarmUp = std::chrono::milliseconds(500);

struct Answer {
  int status = 0;
  std::string body;
};

/// One keep-alive connection that blocks, ten seconds at most. Throws when the server breaks it off.
class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    const timeval patience{10, 0};
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ::close(socket_);
      throw std::runtime_error(fmt::format("nothing listens on port {}", port));
    }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(socket_); }

  Answer Ask(const std::string& request) {
    for (std::size_t sent = 0; sent < request.size();) {
      const ssize_t count = ::send(socket_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) throw std::runtime_error("the server took no request");
      sent += static_cast<std::size_t>(count);
    }
    std::string text;
    while (!Complete(text)) {
      char buffer[65536];
      const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
      if (count <= 0) throw std::runtime_error("the server gave no answer");
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return {std::stoi(text.substr(9, 3)), text.substr(text.find("\r\n\r\n") + 4)};
  }

 private:
  /// Enough for a server whose next answer cannot begin before the next request.
  static bool Complete(const std::string& text) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::string head = text.substr(0, end);
    if (head.find("Transfer-Encoding: chunked") != std::string::npos) return text.ends_with("\r\n0\r\n\r\n");
    const std::size_t length = head.find("Content-Length: ");
    if (length == std::string::npos) throw std::runtime_error("an answer without a length");
    return text.size() - end - 4 >= std::stoul(head.substr(length + 16));
  }

  int socket_;
};

std::string Request(std::string_view path, std::string_view type, std::string_view body) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", path,
                     type, body.size(), body);
}

/// Documents of 1 KB of common words, no two alike.
class Documents {
 public:
  explicit Documents(std::size_t lines, const std::string& strategy) : lines_(lines) {
    if (!strategy.empty()) chunking_ = fmt::format(",\"chunking\":{{\"strategy\":\"{}\"}}", strategy);
    constexpr const char* kWords[] = {"water", "house",  "paper", "light", "green", "river", "music", "table",
                                      "stone", "market", "north", "train", "field", "night", "plant", "story"};
    std::mt19937 random(7);
    for (std::string& text : texts_) {
      while (text.size() < 960) {
        text.append(kWords[random() % std::size(kWords)]).append(random() % 12 == 0 ? ". " : " ");
      }
    }
  }

  std::string Next() {
    std::string body;
    for (std::size_t i = 0; i < lines_; ++i) {
      const std::uint64_t number = next_++;
      body += fmt::format("{{\"title\":\"Load {0}\",\"content\":\"Number {0}. {1}\"{2}}}\n", number,
                          texts_[number % texts_.size()], chunking_);
    }
    return lines_ == 1 ? Request("/v1/documents", "application/json", body)
                       : Request("/v1/documents/bulk", "application/x-ndjson", body);
  }

 private:
  std::size_t lines_;
  std::string chunking_;
  std::array<std::string, 64> texts_;
  std::atomic<std::uint64_t> next_ = 0;
};

class Queries {
 public:
  explicit Queries(const std::string& path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      const boost::json::object body = {{"query", line}, {"top_k", 10}};
      requests_.push_back(Request("/v1/search", "application/json", boost::json::serialize(body)));
    }
    if (requests_.empty()) throw std::runtime_error("no queries in " + path);
  }

  const std::string& Next() { return requests_[next_++ % requests_.size()]; }

 private:
  std::vector<std::string> requests_;
  std::atomic<std::size_t> next_ = 0;
};

/// What one connection saw after the warm-up.
struct Seen {
  std::vector<double> milliseconds, index_milliseconds;
  std::size_t accepted = 0, refused = 0;
};

void CountAccepted(const Answer& answer, std::size_t lines, Seen& seen) {
  std::size_t rejected = 0;
  for (std::size_t at = 0; (at = answer.body.find("\"rejected\"", at)) != std::string::npos; ++at) ++rejected;
  if (answer.status >= 300) rejected = lines;
  seen.accepted += lines - rejected;
  seen.refused += rejected;
}

void CountSearched(const Answer& answer, Seen& seen) {
  if (answer.status != 200) {
    ++seen.refused;
    return;
  }
  const std::size_t at = answer.body.rfind("\"took_ms\":") + 10;
  const auto took = boost::json::parse(answer.body.substr(at, answer.body.find('}', at) - at + 1));
  seen.index_milliseconds.push_back(took.at("index").to_number<double>() + took.at("hydrate").to_number<double>());
  ++seen.accepted;
}

double Quantile(std::vector<double>& sorted, double q) {
  return sorted.empty() ? 0 : sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

/// Runs `next` and `count` on `connections` connections at once. A failed connection ends the run with its message.
template <typename Next, typename Count>
void Run(std::uint16_t port, std::size_t connections, double seconds, Next next, Count count) {
  const auto begin = Clock::now() + kWarmUp;
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<Seen> seen(connections);
  std::vector<std::string> failures(connections);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < connections; ++i) {
    threads.emplace_back([&, i] {
      try {
        Connection connection(port);
        while (true) {
          const std::string request = next();
          const auto start = Clock::now();
          if (start >= end) return;
          const Answer answer = connection.Ask(request);
          const auto answered = Clock::now();
          if (answered < begin || answered >= end) continue;
          seen[i].milliseconds.push_back(std::chrono::duration<double, std::milli>(answered - start).count());
          count(answer, seen[i]);
        }
      } catch (const std::exception& error) {
        failures[i] = error.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  Seen all;
  for (std::size_t i = 0; i < connections; ++i) {
    if (!failures[i].empty()) throw std::runtime_error(failures[i]);
    all.accepted += seen[i].accepted;
    all.refused += seen[i].refused;
    all.milliseconds.insert(all.milliseconds.end(), seen[i].milliseconds.begin(), seen[i].milliseconds.end());
    all.index_milliseconds.insert(all.index_milliseconds.end(), seen[i].index_milliseconds.begin(),
                                  seen[i].index_milliseconds.end());
  }
  std::sort(all.milliseconds.begin(), all.milliseconds.end());
  std::sort(all.index_milliseconds.begin(), all.index_milliseconds.end());
  fmt::print(
      "{{\"accepted\":{},\"refused\":{},\"per_s\":{:.1f},\"p50_ms\":{:.3f},\"p99_ms\":{:.3f},\"index_p50_ms\":{:.3f},"
      "\"index_p99_ms\":{:.3f}}}\n",
      all.accepted, all.refused, static_cast<double>(all.accepted) / seconds, Quantile(all.milliseconds, 0.5),
      Quantile(all.milliseconds, 0.99), Quantile(all.index_milliseconds, 0.5), Quantile(all.index_milliseconds, 0.99));
}

void Main(const std::vector<std::string>& arguments) {
  const bool accepts = !arguments.empty() && arguments[0] == "accept";
  if (arguments.size() != 5 && !(accepts && arguments.size() == 6)) {
    throw std::runtime_error(
        "usage: accept PORT CONNECTIONS SECONDS LINES [STRATEGY] | search PORT CONNECTIONS SECONDS QUERIES");
  }
  const auto port = static_cast<std::uint16_t>(std::stoul(arguments[1]));
  const std::size_t connections = std::stoul(arguments[2]);
  const double seconds = std::stod(arguments[3]);
  if (accepts) {
    const std::size_t lines = std::stoul(arguments[4]);
    Documents documents(lines, arguments.size() == 6 ? arguments[5] : std::string());
    Run(
        port, connections, seconds, [&] { return documents.Next(); },
        [=](const Answer& answer, Seen& seen) { CountAccepted(answer, lines, seen); });
  } else {
    Queries queries(arguments[4]);
    Run(
        port, connections, seconds, [&] { return queries.Next(); }, CountSearched);
  }
}

}  // namespace
}  // namespace millrace::bench

int main(int count, char** arguments) try {
  millrace::bench::Main({arguments + 1, arguments + count});
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_load: {}\n", error.what());
  return 1;
}
