#include "adapters/kafka/broker_trouble.h"

namespace millrace::kafka {
namespace {

// librdkafka repeats the same failure of a broker only every 30 s.
constexpr auto kRecent = std::chrono::seconds(35);
constexpr std::size_t kMaxBrokers = 16;

void TrimTo(std::string_view& text, std::string_view prefix) {
  if (const auto at = text.find(prefix); at != std::string_view::npos) text.remove_prefix(at + prefix.size());
}

}  // namespace

BrokerReason ParseBrokerReason(std::string_view line) {
  std::string_view broker, reason = line;
  if (const auto colon = line.find(": "); colon != std::string_view::npos) {
    broker = line.substr(0, colon);
    reason = line.substr(colon + 2);
  }
  TrimTo(broker, "://");
  broker = broker.substr(0, broker.find('/'));
  if (const auto after = reason.rfind(" (after "); after != std::string_view::npos) reason = reason.substr(0, after);
  if (reason.starts_with("Connect to ")) TrimTo(reason, " failed: ");
  return {std::string(broker), std::string(reason)};
}

void BrokerTrouble::Note(std::string_view line) {
  BrokerReason parsed = ParseBrokerReason(line);
  std::lock_guard lock(mutex_);
  if (by_broker_.size() >= kMaxBrokers && !by_broker_.contains(parsed.broker)) by_broker_.clear();
  by_broker_[parsed.broker] = {std::move(parsed.reason), Clock::now()};
}

std::string BrokerTrouble::Recent() const {
  std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  std::string all;
  for (const auto& [broker, trouble] : by_broker_) {
    if (now - trouble.when > kRecent) continue;
    if (!all.empty()) all += "; ";
    all += broker + ": " + trouble.reason;
  }
  return all;
}

}  // namespace millrace::kafka
