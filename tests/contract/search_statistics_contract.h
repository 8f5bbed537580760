#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "core/search_statistics.h"

namespace millrace::contract {

/// Statistics without a search, and whatever they live in, both gone with the object.
class SearchStatisticsUnderTest {
 public:
  virtual ~SearchStatisticsUnderTest() = default;
  virtual core::SearchStatistics& port() = 0;

  /// Closes the store and opens it again, where it outlives its object.
  virtual void Reopen() {}
};

struct SearchStatisticsFactory {
  std::string name;
  std::function<std::unique_ptr<SearchStatisticsUnderTest>()> make;

  friend std::ostream& operator<<(std::ostream& out, const SearchStatisticsFactory& factory) {
    return out << factory.name;
  }
};

inline std::string SearchStatisticsName(const testing::TestParamInfo<SearchStatisticsFactory>& test) {
  return test.param.name;
}

/// The statistics, and shorthands that expect success. Records come one second apart unless a test says otherwise.
class SearchStatisticsContract : public testing::TestWithParam<SearchStatisticsFactory> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(); }

  core::SearchStatistics& statistics() { return under_test_->port(); }
  void Reopen() { under_test_->Reopen(); }

  void Add(std::int64_t first_offset, std::vector<std::optional<core::SearchRecord>> records,
           std::int32_t partition = 0);
  core::SearchReport Report(core::Timestamp from, core::Timestamp to,
                            std::chrono::seconds step = std::chrono::minutes(1), std::size_t top = 10);
  std::int64_t Searches();  // of all times that tests use

 private:
  std::unique_ptr<SearchStatisticsUnderTest> under_test_;
};

}  // namespace millrace::contract

#define MILLRACE_INSTANTIATE_SEARCH_STATISTICS_CONTRACT(factory) \
  INSTANTIATE_TEST_SUITE_P(SearchStatistics, SearchStatisticsContract, testing::Values(factory), SearchStatisticsName)
