#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "core/instances.h"

namespace millrace::contract {

/// A store that nobody has joined yet, and whatever it lives in, both gone with the object.
class InstancesUnderTest {
 public:
  virtual ~InstancesUnderTest() = default;
  virtual core::Instances& port() = 0;
};

struct InstancesFactory {
  std::string name;
  std::function<std::unique_ptr<InstancesUnderTest>()> make;

  friend std::ostream& operator<<(std::ostream& out, const InstancesFactory& factory) { return out << factory.name; }
};

inline std::string InstancesName(const testing::TestParamInfo<InstancesFactory>& test) { return test.param.name; }

class InstancesContract : public testing::TestWithParam<InstancesFactory> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(); }

  core::Instances& instances() { return under_test_->port(); }
  std::vector<std::string> Ids();

 private:
  std::unique_ptr<InstancesUnderTest> under_test_;
};

}  // namespace millrace::contract

#define MILLRACE_INSTANTIATE_INSTANCES_CONTRACT(factory) \
  INSTANTIATE_TEST_SUITE_P(Instances, InstancesContract, testing::Values(factory), InstancesName)
