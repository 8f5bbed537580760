#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/signal.h"
#include "ingest/upload_consumer.h"
#include "main/backend.h"

namespace millrace::app {

/// The readers of `document-uploads` and of its retry topics, each in a group of its own.
class Consumers {
 public:
  /// `shut_out` is called when another process took this one's place in the group of the workers. Who loses its place
  /// in the group of a retry topic alone takes it again: where two processes start at the same time with the same
  /// group.instance.id, each would otherwise lose somewhere, and both would end.
  Consumers(const Backend& backend, ingest::DocumentProcessor& processor, const core::StoreIdentity& store,
            const std::vector<ingest::RetryTopic>& retry_topics,
            const std::function<void(const std::string& reason)>& shut_out = {});
  ~Consumers();

  base::Status Start();
  void Stop();

  std::int64_t in_flight() const;
  std::vector<core::TopicPartition> partitions() const;

 private:
  struct Reader {
    std::function<std::unique_ptr<ingest::UploadConsumer>()> make;
    std::unique_ptr<ingest::UploadConsumer> consumer;  // none while it is made anew
    std::atomic<bool> is_shut_out = false;
  };

  void Revive(Reader& reader);

  std::vector<std::unique_ptr<Reader>> readers_;
  mutable std::mutex mutex_;  // of their consumers
  base::StopFlag stop_;
  std::thread reviver_;
};

}  // namespace millrace::app
