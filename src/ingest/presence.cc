#include "ingest/presence.h"

#include <fmt/core.h>

#include <random>

#include "base/log.h"

namespace millrace::ingest {

std::string NewInstanceId() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) id += fmt::format("{:08x}", random());
  return id;
}

void Presence::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Presence::Stop() {
  stop_.Stop();
  if (thread_.joinable()) thread_.join();
}

void Presence::Run() {
  bool reached = true;
  do {
    const auto next = base::Deadline::After(core::kHeartbeatInterval);
    const auto beat = instances_.Beat(describe_());
    if (!beat && reached) base::LogWarning("the others cannot see this process: {}", beat.error().message);
    if (beat && !reached) base::LogInfo("the others see this process again");
    reached = beat.has_value();
    stop_.SleepUntil(next);
  } while (!stop_.stopping());
  if (!reached) return;  // its silence tells the same soon enough
  if (const auto left = instances_.Leave(describe_().id); !left) {
    base::LogDebug("this process left without a word: {}", left.error().message);
  }
}

}  // namespace millrace::ingest
