#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "core/vector_cache.h"

/// What every vector cache must do, whatever is below it. A factory file per cache instantiates the suite.
namespace millrace::contract {

/// A cache that holds nothing, and what another program does beside it.
class CacheUnderTest {
 public:
  virtual ~CacheUnderTest() = default;
  virtual core::VectorCache& cache() = 0;
  virtual void Set(const std::string& key, const std::string& value) = 0;
  virtual std::optional<std::string> Get(const std::string& key) = 0;
  virtual void Unset(const std::string& key) = 0;
  virtual void Clear() = 0;
};

struct VectorCacheFactory {
  std::string name;
  std::function<std::unique_ptr<CacheUnderTest>()> make;

  friend std::ostream& operator<<(std::ostream& out, const VectorCacheFactory& factory) { return out << factory.name; }
};

inline std::string VectorCacheName(const testing::TestParamInfo<VectorCacheFactory>& test) { return test.param.name; }

constexpr std::size_t kCachedDimensions = 4;

/// Every float tells document, version, revision and chunk.
core::CachedDocument MakeCached(core::DocumentId id, core::Version version, std::int32_t chunks,
                                core::Revision revision = 0);
std::string ValueOf(const core::CachedDocument& document, std::int32_t chunk);
base::Deadline Soon();

class VectorCacheContract : public testing::TestWithParam<VectorCacheFactory> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(); }

  core::VectorCache& cache() { return under_test_->cache(); }
  CacheUnderTest& other() { return *under_test_; }

  void Put(const core::CachedDocument& document);
  core::CachedVersion VersionOf(core::DocumentId id);
  std::set<core::DocumentId> Scan();
  /// The keys are exactly those of `document`, with its values.
  void ExpectHeld(const core::CachedDocument& document, std::int32_t none_up_to);
  void ExpectNothing(core::DocumentId id, std::int32_t none_up_to);

 private:
  std::unique_ptr<CacheUnderTest> under_test_;
};

}  // namespace millrace::contract

/// Runs the suite on what `factory` makes. Once in a binary.
#define MILLRACE_INSTANTIATE_VECTOR_CACHE_CONTRACT(factory) \
  INSTANTIATE_TEST_SUITE_P(Cache, VectorCacheContract, testing::Values(factory), VectorCacheName)
