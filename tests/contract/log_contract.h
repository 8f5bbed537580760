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

/// A log without topics, and whatever it lives in, both gone with the object.
class LogUnderTest {
 public:
  virtual ~LogUnderTest() = default;

  virtual core::LogProducer& producer() = 0;
  virtual core::LogAdmin& admin() = 0;
  virtual core::GroupAdmin& groups() = 0;
  virtual std::unique_ptr<core::LogConsumer> NewConsumer(std::string group) = 0;

  /// Closes the log and opens it again, where it outlives its object. REQUIRES: every consumer is gone.
  virtual void Reopen() {}
};

struct LogFactory {
  std::string name;
  std::function<std::unique_ptr<LogUnderTest>()> make;
  std::chrono::milliseconds member_silence{3000};  // after which a member that does not poll loses its partitions
  std::chrono::milliseconds quiet{20};             // after which nothing more is on its way
  std::chrono::milliseconds visit{200};            // in which a member is given its partitions and reads some
  std::chrono::milliseconds patience{20'000};      // with what must happen, whenever it does
  int fair_after = 40;                             // records, after which every partition had its turn
  bool moves_only_what_must = true;                // a rebalance leaves a member the partitions that it keeps

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
  /// Looks until it is so; false when it is not in time.
  bool Eventually(const std::function<bool()>& condition);
  /// Lets members poll by turns, expecting no record, until something is so; fails when it is not in time.
  void PollUntil(std::initializer_list<core::LogConsumer*> members, const std::function<bool()>& condition);

 private:
  std::unique_ptr<LogUnderTest> log_;
};

/// Polls until `count` records came or `patience` passed.
std::vector<core::LogRecord> PollFor(core::LogConsumer& consumer, std::size_t count,
                                     std::chrono::milliseconds patience = std::chrono::seconds(30));
/// Polls for `duration`, and once at least, whatever comes.
std::vector<core::LogRecord> PollDuring(core::LogConsumer& consumer, std::chrono::milliseconds duration);
std::vector<std::string> Values(const std::vector<core::LogRecord>& records);

class LogRecordContract : public LogContract {};
class LogGroupContract : public LogContract {};
class LogAdminContract : public LogContract {
 protected:
  std::string Configured(const std::string& topic, const std::string& name) {
    const auto config = log().admin().DescribeTopic(topic).value().spec.config;
    return config.contains(name) ? config.at(name) : "(default)";
  }
};
class GroupAdminContract : public LogContract {};
class LogRetentionContract : public LogContract {};  // of logs that expire records when they are told to

}  // namespace millrace::contract

/// Runs every log suite on what `factory` makes. Once in a binary.
#define MILLRACE_INSTANTIATE_LOG_CONTRACT(factory)                                     \
  INSTANTIATE_TEST_SUITE_P(Log, LogRecordContract, testing::Values(factory), LogName); \
  INSTANTIATE_TEST_SUITE_P(Log, LogGroupContract, testing::Values(factory), LogName);  \
  INSTANTIATE_TEST_SUITE_P(Log, LogAdminContract, testing::Values(factory), LogName);  \
  INSTANTIATE_TEST_SUITE_P(Log, GroupAdminContract, testing::Values(factory), LogName)
#define MILLRACE_INSTANTIATE_LOG_RETENTION_CONTRACT(factory) \
  INSTANTIATE_TEST_SUITE_P(Log, LogRetentionContract, testing::Values(factory), LogName)
