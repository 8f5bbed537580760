#include "adapters/memory/memory_cache.h"
#include "contract/vector_cache_contract.h"

namespace millrace::contract {
namespace {

class MemoryCacheUnderTest : public CacheUnderTest {
 public:
  core::VectorCache& cache() override { return cache_; }
  void Set(const std::string& key, const std::string& value) override { cache_.Set(key, value); }
  std::optional<std::string> Get(const std::string& key) override { return cache_.Get(key); }
  void Unset(const std::string& key) override { cache_.Unset(key); }
  void Clear() override { cache_.Clear(); }

 private:
  memory::MemoryCache cache_;
};

MILLRACE_INSTANTIATE_VECTOR_CACHE_CONTRACT((VectorCacheFactory{
    "memory", [] { return std::make_unique<MemoryCacheUnderTest>(); }}));

}  // namespace
}  // namespace millrace::contract
