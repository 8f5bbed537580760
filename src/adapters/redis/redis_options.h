#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace millrace::redis {

struct RedisOptions {
  std::string host = "localhost";
  int port = 6379;
  std::string username;  // empty: the default user
  std::string password;  // empty: no AUTH
  int database = 0;

  bool tls = false;       // the server's certificate must carry `host`
  std::string ca_file;    // PEM; empty: the system's authorities
  std::string cert_file;  // PEM, with key_file: the client's own certificate
  std::string key_file;

  std::size_t pool_size = 4;                // connections at most
  std::chrono::milliseconds timeout{5000};  // no single exchange, connecting included, takes longer

  /// Whose entries count: identity and epoch of the store, without spaces. Entries of another one are as good as absent
  /// and are overwritten, so that a new or restored database never meets the vectors of an old one.
  std::string store = "-";
};

}  // namespace millrace::redis
