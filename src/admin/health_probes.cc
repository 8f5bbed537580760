#include "admin/health_probes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/deadline.h"

namespace millrace::admin {
namespace {

constexpr auto kProbeTimeout = std::chrono::milliseconds(1500);
constexpr auto kAnswerWithin = std::chrono::milliseconds(1800);  // the contract's `/health` answers within 2 s

}  // namespace

HealthProbes::HealthProbes(std::map<std::string, Probe> probes) {
  for (auto& [name, probe] : probes) dependencies_.push_back({name, std::move(probe)});
  for (Dependency& dependency : dependencies_) {
    dependency.thread = std::thread([this, &dependency] { Run(dependency); });
  }
}

HealthProbes::~HealthProbes() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  for (Dependency& dependency : dependencies_) dependency.thread.join();
}

DependencyHealth HealthProbes::Ask() {
  const auto deadline = base::Deadline::After(kAnswerWithin);
  std::unique_lock lock(mutex_);
  std::map<const Dependency*, std::uint64_t> awaited;
  for (Dependency& dependency : dependencies_) {
    if (!dependency.running) dependency.asked = true;
    awaited[&dependency] = dependency.answers + 1;
  }
  changed_.notify_all();
  const auto answered = [&](const auto& one) { return one.first->answers >= one.second; };
  changed_.wait_until(lock, deadline.when(), [&] { return std::all_of(awaited.begin(), awaited.end(), answered); });
  DependencyHealth health;
  for (const auto& one : awaited) {
    health[one.first->name] = answered(one) ? one.first->state : "disconnected: no answer within 1.5 s";
  }
  return health;
}

void HealthProbes::Run(Dependency& dependency) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || dependency.asked; });
    if (stopping_) return;
    dependency.asked = false;
    dependency.running = true;
    lock.unlock();
    const base::Status status = dependency.probe(kProbeTimeout);
    lock.lock();
    dependency.running = false;
    dependency.state = status ? kConnected : "disconnected: " + status.error().message;
    ++dependency.answers;
    changed_.notify_all();
  }
}

}  // namespace millrace::admin
