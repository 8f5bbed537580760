#include "main/consumers.h"

#include <chrono>
#include <utility>

#include "base/log.h"

namespace millrace::app {
namespace {

/// The other process has ended by then, or is the one that stays in the workers' group.
constexpr auto kReviveInterval = std::chrono::seconds(5);

}  // namespace

Consumers::Consumers(const Backend& backend, ingest::DocumentProcessor& processor, const core::StoreIdentity& store,
                     const std::vector<ingest::RetryTopic>& retry_topics,
                     const std::function<void(const std::string& reason)>& shut_out) {
  const auto add = [&](const std::string& group, ingest::UploadConsumerOptions options) {
    Reader& reader = *readers_.emplace_back(std::make_unique<Reader>());
    options.shut_out = shut_out;
    if (group != core::kWorkersGroup) {
      options.shut_out = [&reader](const std::string&) { reader.is_shut_out = true; };
    }
    reader.make = [make = backend.new_consumer, group, &processor, store, options] {
      return std::make_unique<ingest::UploadConsumer>(make(group), processor, store, options);
    };
    reader.consumer = reader.make();
  };
  add(core::kWorkersGroup, {});
  for (const ingest::RetryTopic& topic : retry_topics) add(topic.group, ingest::OptionsOf(topic));
}

Consumers::~Consumers() { Stop(); }

base::Status Consumers::Start() {
  for (const auto& reader : readers_) RETURN_IF_ERROR(reader->consumer->Start());
  reviver_ = std::thread([this] {
    while (!stop_.SleepUntil(base::Deadline::After(kReviveInterval))) {
      for (const auto& reader : readers_) {
        if (reader->is_shut_out) Revive(*reader);
      }
    }
  });
  return {};
}

void Consumers::Revive(Reader& reader) {
  std::unique_ptr<ingest::UploadConsumer> old;
  {
    std::lock_guard lock(mutex_);
    old = std::move(reader.consumer);
  }
  old.reset();  // ends its work, and leaves what it had open to the next
  reader.is_shut_out = false;
  auto next = reader.make();
  if (const auto started = next->Start(); !started) {
    base::LogWarning("{}", started.error().message);
    reader.is_shut_out = true;
  }
  std::lock_guard lock(mutex_);
  reader.consumer = std::move(next);
}

void Consumers::Stop() {
  stop_.Stop();
  if (reviver_.joinable()) reviver_.join();
  for (const auto& reader : readers_) reader->consumer->Stop();
}

std::int64_t Consumers::in_flight() const {
  std::lock_guard lock(mutex_);
  std::int64_t count = 0;
  for (const auto& reader : readers_) count += reader->consumer ? reader->consumer->in_flight() : 0;
  return count;
}

std::vector<core::TopicPartition> Consumers::partitions() const {
  std::lock_guard lock(mutex_);
  return readers_.front()->consumer->partitions();
}

}  // namespace millrace::app
