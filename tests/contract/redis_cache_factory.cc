#include "adapters/redis/redis_cache.h"
#include "contract/redis_server.h"
#include "contract/vector_cache_contract.h"

namespace millrace::contract {
namespace {

class RedisCacheUnderTest : public CacheUnderTest {
 public:
  RedisCacheUnderTest() { Clear(); }

  core::VectorCache& cache() override { return cache_; }
  void Set(const std::string& key, const std::string& value) override { RunRedis(options_, {{"SET", key, value}}); }
  std::optional<std::string> Get(const std::string& key) override {
    if (!watching_) watching_ = redis::Connection::Open(options_, Soon()).value();
    const redis::Command get{"GET", key};
    const auto reply = watching_->Run({&get, 1}, Soon()).value().front();
    return reply.kind == redis::Reply::Kind::kNil ? std::nullopt : std::optional(reply.text);
  }
  void Unset(const std::string& key) override { RunRedis(options_, {{"DEL", key}}); }
  void Clear() override { RunRedis(options_, {{"FLUSHDB"}}); }

 private:
  const redis::RedisOptions options_ = SharedRedis();
  redis::RedisCache cache_{options_};
  std::unique_ptr<redis::Connection> watching_;
};

MILLRACE_INSTANTIATE_VECTOR_CACHE_CONTRACT((VectorCacheFactory{
    "redis", [] { return std::make_unique<RedisCacheUnderTest>(); }}));

}  // namespace
}  // namespace millrace::contract
