#include "contract/redis_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

extern char** environ;

namespace millrace::contract {

redis::RedisOptions SharedRedis() {
  const char* named = std::getenv("MILLRACE_TEST_REDIS");
  const std::string server = named == nullptr ? "" : named;
  const auto colon = server.rfind(':');
  if (colon == std::string::npos) {
    std::fputs("MILLRACE_TEST_REDIS must name a Redis server as HOST:PORT\n", stderr);
    std::exit(1);
  }
  redis::RedisOptions options;
  options.host = server.substr(0, colon);
  options.port = std::atoi(server.c_str() + colon + 1);
  options.database = 13;
  return options;
}

std::vector<redis::Reply> RunRedis(const redis::RedisOptions& options, const std::vector<redis::Command>& commands) {
  const auto deadline = base::Deadline::AfterSeconds(10);
  auto connection = redis::Connection::Open(options, deadline);
  EXPECT_TRUE(connection) << connection.error().message;
  if (!connection) return std::vector<redis::Reply>(commands.size());
  auto replies = (*connection)->Run(commands, deadline);
  EXPECT_TRUE(replies) << replies.error().message;
  return replies ? *replies : std::vector<redis::Reply>(commands.size());
}

/// Below the kernel's range for outgoing connections, so that nothing takes it before the server starts, or while it is
/// killed.
int FreePort() {
  std::random_device random;
  std::uniform_int_distribution<int> ports(12'000, 31'999);
  while (true) {
    const int port = ports(random);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    if (is_free) return port;
  }
}

RedisServer::RedisServer(std::vector<std::string> arguments) : arguments_(std::move(arguments)), port_(FreePort()) {
  signal(SIGPIPE, SIG_IGN);  // as the program does
  std::string path = (std::filesystem::temp_directory_path() / "millrace-redis-XXXXXX").string();
  EXPECT_NE(mkdtemp(path.data()), nullptr);
  directory_ = path;
}

RedisServer::~RedisServer() {
  if (pid_ > 0) Kill();
  std::filesystem::remove_all(directory_);
}

void RedisServer::Start() {
  std::vector<std::string> words{"redis-server",
                                 "--port",
                                 std::to_string(port_),
                                 "--bind",
                                 "127.0.0.1",
                                 "--save",
                                 "",
                                 "--dir",
                                 directory_.string(),
                                 "--logfile",
                                 "log"};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ASSERT_EQ(posix_spawnp(&pid_, "redis-server", nullptr, nullptr, argv.data(), environ), 0)
      << "redis-server is not installed";
  const auto deadline = base::Deadline::AfterSeconds(20);
  while (!redis::Connection::Open(options(), deadline)) {
    ASSERT_FALSE(deadline.expired()) << "redis-server does not come up";
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void RedisServer::Kill() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::Freeze() { kill(pid_, SIGSTOP); }
void RedisServer::Thaw() { kill(pid_, SIGCONT); }

redis::RedisOptions RedisServer::options() const {
  redis::RedisOptions options;
  options.host = "127.0.0.1";
  options.port = port_;
  return options;
}

}  // namespace millrace::contract
