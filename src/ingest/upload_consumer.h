#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/log.h"
#include "ingest/document_processor.h"
#include "ingest/offset_tracker.h"
#include "ingest/retry_topics.h"

namespace millrace::ingest {

struct UploadConsumerOptions {
  std::string topic = core::kUploadsTopic;
  std::optional<std::chrono::milliseconds> delay;  // of a retry topic: how long its records wait
  std::function<core::Timestamp()> clock = core::Now;
  std::function<void(const std::string& reason)> shut_out = {};  // called once: it will never get a record again
  /// Batches in work at the same time, so that the model never waits for the store, and commits of several are one
  /// write of the disk. Together they are not more than a shutdown can finish.
  int workers = 8;
  std::size_t batch_documents = 64;               // of one batch at most
  std::int64_t batch_bytes = 32 * 1024;           // of content in one batch at most
  std::int64_t long_document_bytes = 256 * 1024;  // above: worked on by a thread of its own, so that it holds nobody up
  std::size_t max_in_flight = 512;                // records read and not done; the log holds the rest
  std::int64_t max_in_flight_bytes = 32 << 20;    // of content in them and of the records themselves
};

/// For a retry topic: few threads, because few records fail.
UploadConsumerOptions OptionsOf(const RetryTopic& topic);

/// The worker: reads `document-uploads` or one of its retry topics, works documents off, commits offsets after their
/// effects (ARCHITECTURE §4). One thread polls; the others process. Records of one document are worked on one after
/// another. A record of a retry topic is not begun before `millrace-not-before` by the wall clock; a clock that jumped
/// can hold it no longer than the topic's delay from when it was read. Polling goes on meanwhile, its offset stays
/// open.
class UploadConsumer {
 public:
  UploadConsumer(std::unique_ptr<core::LogConsumer> consumer, DocumentProcessor& processor, core::StoreIdentity store,
                 UploadConsumerOptions options);
  ~UploadConsumer();

  base::Status Start();

  /// Takes no more records, finishes the batches in work, commits, leaves the group. Set the processor's stop flag
  /// first: it ends waits for dependencies and leaves long documents at their last stage.
  void Stop();

  /// Records being worked on or next to be; those that wait for their time do not count.
  std::int64_t in_flight() const;

  /// Those of its topic that are this member's now.
  std::vector<core::TopicPartition> partitions() const;

 private:
  struct Item {
    Upload upload;
    core::Position position;
    std::uint64_t epoch = 0;
    std::int64_t held_bytes = 0;
    core::Timestamp not_before;                         // of a retry topic
    base::Deadline latest = base::Deadline::Expired();  // when it is begun whatever the wall clock says
  };
  using Lane = std::deque<Item>;

  void PollLoop();
  void WorkLoop(Lane& lane, bool batched);
  void Take(core::LogRecord record);
  std::vector<Item> NextBatch(Lane& lane, bool batched);
  void Finish(const std::vector<Item>& items, const std::vector<Processed>& results);
  void MakeReady(Item item);
  bool IsDue(const Item& item) const;
  void ReleaseDue();
  void CommitDone();
  void DropQueued(const std::vector<core::TopicPartition>& partitions);
  void DrainUntil(base::Deadline deadline);
  bool HasRoom() const;

  std::unique_ptr<core::LogConsumer> consumer_;
  DocumentProcessor& processor_;
  const core::StoreIdentity store_;
  const UploadConsumerOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;  // something became ready, done, or the consumer stops
  OffsetTracker offsets_;
  Lane short_, long_;
  Lane waiting_;                                                   // for their time
  std::unordered_map<core::DocumentId, std::deque<Item>> behind_;  // later records of documents in work, by document
  std::int64_t in_flight_ = 0, in_flight_bytes_ = 0;
  bool polling_ = true;  // false: no more records are read
  bool working_ = true;  // false: workers end when they look for a batch

  std::thread poller_;
  std::vector<std::thread> workers_;
};

}  // namespace millrace::ingest
