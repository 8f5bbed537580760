#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/log.h"

/// What every log must do, whatever is below it. A factory file per adapter instantiates the suites.
namespace millrace::contract {

/// After which a group member that does not poll must lose its partitions, in the logs under test.
inline constexpr std::chrono::milliseconds kMemberSilence{1000};

/// A log without topics, and whatever it lives in, both gone with the object.
class LogUnderTest {
 public:
  virtual ~LogUnderTest() = default;

  virtual core::LogProducer& producer() = 0;
  virtual core::LogAdmin& admin() = 0;
  virtual std::unique_ptr<core::LogConsumer> NewConsumer(std::string group) = 0;

  /// Closes the log and opens it again, where it outlives its object. REQUIRES: every consumer is gone.
  virtual void Reopen() {}
};

struct LogFactory {
  std::string name;
  std::function<std::unique_ptr<LogUnderTest>()> make;

  friend std::ostream& operator<<(std::ostream& out, const LogFactory& factory) { return out << factory.name; }
};

inline std::string LogName(const testing::TestParamInfo<LogFactory>& test) { return test.param.name; }

core::LogRecord MakeRecord(std::string topic, std::int32_t partition, std::string value);

/// The log, and shorthands that expect success.
class LogContract : public testing::TestWithParam<LogFactory> {
 protected:
  void SetUp() override { log_ = GetParam().make(); }

  LogUnderTest& log() { return *log_; }
  void CreateTopic(std::string name, std::int32_t partitions = 1,
                   std::optional<std::chrono::milliseconds> retention = std::nullopt);
  core::Position Produce(core::LogRecord record);
  /// Values `first`, `first + 1` … on one partition.
  void ProduceNumbers(const std::string& topic, std::int32_t partition, int first, int count);
  std::unique_ptr<core::LogConsumer> Subscribed(const std::string& group, const std::string& topic);
  std::unique_ptr<core::LogConsumer> Reading(const core::Position& from);
  core::Watermarks WatermarksOf(const std::string& topic, std::int32_t partition);
  core::GroupInfo Group(const std::string& name);

 private:
  std::unique_ptr<LogUnderTest> log_;
};

/// Polls until `count` records came or 5 s passed.
std::vector<core::LogRecord> PollFor(core::LogConsumer& consumer, std::size_t count);
/// Polls for `duration`, whatever comes.
std::vector<core::LogRecord> PollDuring(core::LogConsumer& consumer, std::chrono::milliseconds duration);
std::vector<std::string> Values(const std::vector<core::LogRecord>& records);

class LogRecordContract : public LogContract {};
class LogGroupContract : public LogContract {};
class LogAdminContract : public LogContract {};

}  // namespace millrace::contract

/// Runs every log suite on what `factory` makes. Once in a binary.
#define MILLRACE_INSTANTIATE_LOG_CONTRACT(factory)                                     \
  INSTANTIATE_TEST_SUITE_P(Log, LogRecordContract, testing::Values(factory), LogName); \
  INSTANTIATE_TEST_SUITE_P(Log, LogGroupContract, testing::Values(factory), LogName);  \
  INSTANTIATE_TEST_SUITE_P(Log, LogAdminContract, testing::Values(factory), LogName)
