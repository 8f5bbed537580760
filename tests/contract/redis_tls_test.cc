#include <gtest/gtest.h>

#include <cstdlib>

#include "adapters/redis/redis_cache.h"
#include "contract/redis_server.h"
#include "contract/vector_cache_contract.h"

namespace millrace::contract {
namespace {

using redis::RedisCache;
using redis::RedisOptions;

void Shell(const std::string& command) {
  ASSERT_EQ(std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()), 0) << command;
}

/// An authority, a server certificate for `localhost` and a client certificate; another authority that signed nothing.
class RedisTls : public testing::Test {
 protected:
  void SetUp() override {
    const std::string cd = "cd " + Directory() + " && ";
    for (const std::string name : {"ca", "other"}) {
      Shell(cd + "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" + name +
            " -keyout " + name + ".key -out " + name + ".crt");
    }
    for (const std::string name : {"server", "client"}) {
      Shell(cd + "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name + " -keyout " +
            name + ".key -out " + name + ".csr && printf 'subjectAltName=DNS:localhost' >" + name +
            ".ext && openssl x509 -req -in " + name +
            ".csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile " + name + ".ext -out " + name + ".crt");
    }
  }

  std::string Directory() const { return keys_.directory().string(); }

  std::vector<std::string> Arguments(const std::string& clients) const {
    return {"--tls-port",         std::to_string(port_),
            "--tls-cert-file",    Directory() + "/server.crt",
            "--tls-key-file",     Directory() + "/server.key",
            "--tls-ca-cert-file", Directory() + "/ca.crt",
            "--tls-auth-clients", clients};
  }

  RedisOptions Options() const {
    RedisOptions options;
    options.host = "localhost";
    options.port = port_;
    options.tls = true;
    options.ca_file = Directory() + "/ca.crt";
    return options;
  }

  static std::string ErrorOf(const RedisOptions& options) {
    const auto probed = RedisCache(options).Probe(std::chrono::seconds(5));
    return probed ? "" : probed.error().message;
  }

 private:
  const RedisServer keys_;  // never started: its directory holds the certificates
  const int port_ = FreePort();
};

TEST_F(RedisTls, SpeaksTlsToAServerItCanVerify) {
  RedisServer server(Arguments("no"));
  server.Start();
  RedisCache cache(Options());
  const auto document = MakeCached(1, 1, 5000);
  const auto put = cache.Put({&document, 1}, Soon());
  ASSERT_TRUE(put) << put.error().message;
  const std::vector<std::string> keys{core::VectorKey(1, 4999)};
  EXPECT_EQ(cache.Read(keys, kCachedDimensions, Soon()).value().front()->back(), 4999.0f);
}

TEST_F(RedisTls, RefusesAServerThatItCannotVerify) {
  RedisServer server(Arguments("no"));
  server.Start();
  auto options = Options();
  options.ca_file = Directory() + "/other.crt";
  EXPECT_NE(ErrorOf(options).find("certificate verify failed"), std::string::npos) << ErrorOf(options);
  options.ca_file = "";
  EXPECT_NE(ErrorOf(options).find("certificate verify failed"), std::string::npos) << "the system's authorities";
  options.ca_file = Directory() + "/missing.crt";
  EXPECT_NE(ErrorOf(options).find("missing.crt"), std::string::npos) << ErrorOf(options);
  options = Options();
  options.host = "127.0.0.1";
  EXPECT_NE(ErrorOf(options).find("certificate verify failed"), std::string::npos) << "the name is not in it";
}

TEST_F(RedisTls, ShowsItsOwnCertificateWhereOneIsAsked) {
  RedisServer server(Arguments("yes"));
  server.Start();
  auto options = Options();
  EXPECT_NE(ErrorOf(options), "");  // the server's reason, or that it hung up, whichever arrives first
  options.cert_file = Directory() + "/client.crt";
  options.key_file = Directory() + "/client.key";
  EXPECT_EQ(ErrorOf(options), "");
}

TEST_F(RedisTls, SaysWhenOnlyOneSideSpeaksTls) {
  RedisServer server(Arguments("no"));
  server.Start();
  auto options = Options();
  options.port = server.port();
  options.timeout = std::chrono::milliseconds(300);  // a plain server waits for the end of what it takes for a command
  EXPECT_NE(ErrorOf(options).find("does it speak TLS"), std::string::npos) << ErrorOf(options);
  options = Options();
  options.tls = false;
  EXPECT_NE(ErrorOf(options), "");
}

TEST_F(RedisTls, AFrozenServerCostsTheDeadlineAndNoMore) {
  RedisServer server(Arguments("no"));
  server.Start();
  RedisCache cache(Options());
  ASSERT_TRUE(cache.Probe(std::chrono::seconds(5)));
  server.Freeze();
  const auto started = base::Deadline::Clock::now();
  EXPECT_EQ(cache.Probe(std::chrono::milliseconds(200)).error().code, base::Code::kDeadlineExceeded);
  EXPECT_EQ(RedisCache(Options()).Probe(std::chrono::milliseconds(200)).error().code, base::Code::kDeadlineExceeded);
  EXPECT_LT(base::Deadline::Clock::now() - started, std::chrono::seconds(3));
  server.Thaw();
}

}  // namespace
}  // namespace millrace::contract
