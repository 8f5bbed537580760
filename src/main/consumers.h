#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/log.h"
#include "core/store_admin.h"
#include "ingest/document_processor.h"
#include "ingest/retry_topics.h"
#include "ingest/upload_consumer.h"
#include "main/backend.h"

namespace millrace::app {

/// The readers of `document-uploads` and of each retry topic, each in a group of its own. `shut_out` as in
/// UploadConsumerOptions, of any of them.
class Consumers {
 public:
  Consumers(const Backend& backend, ingest::DocumentProcessor& processor, const core::StoreIdentity& store,
            const std::vector<ingest::RetryTopic>& retry_topics,
            const std::function<void(const std::string& reason)>& shut_out = {});

  base::Status Start();
  void Stop();  // as UploadConsumer::Stop

  std::int64_t in_flight() const;
  std::vector<core::TopicPartition> partitions() const { return all_.front()->partitions(); }  // of document-uploads

 private:
  std::vector<std::unique_ptr<ingest::UploadConsumer>> all_;
};

}  // namespace millrace::app
