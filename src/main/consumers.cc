#include "main/consumers.h"

namespace millrace::app {

Consumers::Consumers(const Backend& backend, ingest::DocumentProcessor& processor, const core::StoreIdentity& store,
                     const std::vector<ingest::RetryTopic>& retry_topics,
                     const std::function<void(const std::string& reason)>& shut_out) {
  const auto add = [&](const std::string& group, ingest::UploadConsumerOptions options) {
    options.shut_out = shut_out;
    all_.push_back(
        std::make_unique<ingest::UploadConsumer>(backend.new_consumer(group), processor, store, std::move(options)));
  };
  add(core::kWorkersGroup, {});
  for (const ingest::RetryTopic& topic : retry_topics) add(topic.group, ingest::OptionsOf(topic));
}

base::Status Consumers::Start() {
  for (const auto& consumer : all_) RETURN_IF_ERROR(consumer->Start());
  return {};
}

void Consumers::Stop() {
  for (const auto& consumer : all_) consumer->Stop();
}

std::int64_t Consumers::in_flight() const {
  std::int64_t count = 0;
  for (const auto& consumer : all_) count += consumer->in_flight();
  return count;
}

}  // namespace millrace::app
