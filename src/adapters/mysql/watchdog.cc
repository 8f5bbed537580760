#include "adapters/mysql/watchdog.h"

#include <sys/socket.h>

#include <algorithm>

namespace millrace::mysql {
namespace {

constexpr int kShutDown = -1;

}  // namespace

Watchdog::Watchdog() : thread_([this] { Loop(); }) {}

Watchdog::~Watchdog() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

Watchdog::Watch::Watch(Watchdog& dog, int socket, base::Deadline deadline) : dog_(dog) {
  std::lock_guard lock(dog.mutex_);
  entry_ = dog.watched_.emplace(deadline.when(), socket);
  if (entry_ == dog.watched_.begin()) dog.changed_.notify_one();
}

Watchdog::Watch::~Watch() {
  std::lock_guard lock(dog_.mutex_);
  dog_.watched_.erase(entry_);
}

void Watchdog::Loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto now = base::Deadline::Clock::now();
    auto next = watched_.begin();
    for (; next != watched_.end() && next->first <= now; ++next) {
      if (next->second != kShutDown) shutdown(next->second, SHUT_RDWR);
      next->second = kShutDown;
    }
    if (next == watched_.end()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, base::Deadline::Clock::time_point(next->first));
    }
  }
}

}  // namespace millrace::mysql
