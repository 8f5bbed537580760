#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/deadline.h"

namespace millrace::mysql {

/// Shuts sockets down whose deadline passes, so that a call on a server that stopped answering ends in time: the
/// client library's own timeouts count whole seconds, from each packet. Thread-safe.
class Watchdog {
 public:
  Watchdog();
  ~Watchdog();

  /// While it lives, `socket` is shut down at `deadline`. The socket must not be closed before it is gone.
  class Watch {
   public:
    Watch(Watchdog& dog, int socket, base::Deadline deadline);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Watchdog& dog_;
    std::multimap<base::Deadline::Clock::time_point, int>::iterator entry_;
  };

 private:
  void Loop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<base::Deadline::Clock::time_point, int> watched_;  // socket -1: was shut down
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace millrace::mysql
