#include "ingest/upload_consumer.h"

#include <set>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"

namespace millrace::ingest {

using base::Deadline;

namespace {

constexpr auto kPollTimeout = std::chrono::milliseconds(100);
constexpr auto kRevokeDrain = std::chrono::seconds(8);  // below the group's patience with a member that does not answer
constexpr auto kNoDeadline = std::chrono::hours(24 * 365);  // background work is bounded by stop, not by time

void Announce(const std::string& topic, const std::vector<core::TopicPartition>& assigned) {
  if (assigned.empty()) {
    base::LogInfo("no partition of {} is left for this worker: it idles until another one leaves", topic);
    return;
  }
  std::string numbers;
  for (const auto& partition : assigned) {
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(partition.partition);
  }
  base::LogInfo("works on partition(s) {} of {}", numbers, topic);
}

std::int64_t HeldBytes(const Upload& upload) {
  const std::size_t content = upload.content ? upload.content->size() : upload.work.content.size();
  return static_cast<std::int64_t>(content + (upload.record->value ? upload.record->value->size() : 0));
}

}  // namespace

UploadConsumerOptions OptionsOf(const RetryTopic& topic) {
  UploadConsumerOptions options;
  options.topic = topic.name;
  options.delay = topic.delay;
  options.workers = 1;
  options.max_in_flight = 128;
  options.max_in_flight_bytes = 8 << 20;
  return options;
}

UploadConsumer::UploadConsumer(std::unique_ptr<core::LogConsumer> consumer, DocumentProcessor& processor,
                               core::StoreIdentity store, UploadConsumerOptions options)
    : consumer_(std::move(consumer)), processor_(processor), store_(std::move(store)), options_(std::move(options)) {}

UploadConsumer::~UploadConsumer() { Stop(); }

base::Status UploadConsumer::Start() {
  core::LogConsumer::RebalanceListener listener;
  listener.assigned = [this](const std::vector<core::TopicPartition>& partitions) {
    Announce(options_.topic, partitions);
    std::lock_guard lock(mutex_);
    for (const auto& partition : partitions) offsets_.Assign(partition);
  };
  listener.revoked = [this](const std::vector<core::TopicPartition>& partitions) {
    DropQueued(partitions);
    DrainUntil(Deadline::After(kRevokeDrain));
    CommitDone();
    std::lock_guard lock(mutex_);
    for (const auto& partition : partitions) offsets_.Revoke(partition);
  };
  RETURN_IF_ERROR(consumer_->Subscribe({options_.topic}, std::move(listener)));
  poller_ = std::thread([this] { PollLoop(); });
  for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { WorkLoop(short_, true); });
  workers_.emplace_back([this] { WorkLoop(long_, false); });
  return {};
}

void UploadConsumer::Stop() {
  {
    std::lock_guard lock(mutex_);
    polling_ = false;
    changed_.notify_all();
  }
  if (poller_.joinable()) poller_.join();
  {
    // What was read and not begun stays in the log: its offset is not committed.
    std::lock_guard lock(mutex_);
    working_ = false;
    changed_.notify_all();
  }
  for (std::thread& worker : workers_) worker.join();
  if (!workers_.empty()) {
    CommitDone();
    consumer_->Close();
  }
  workers_.clear();
}

std::int64_t UploadConsumer::in_flight() const {
  std::lock_guard lock(mutex_);
  return in_flight_ - static_cast<std::int64_t>(waiting_.size());
}

std::vector<core::TopicPartition> UploadConsumer::partitions() const {
  std::lock_guard lock(mutex_);
  return offsets_.partitions();
}

bool UploadConsumer::HasRoom() const {
  return in_flight_ < static_cast<std::int64_t>(options_.max_in_flight) &&
         in_flight_bytes_ < options_.max_in_flight_bytes;
}

void UploadConsumer::PollLoop() {
  base::Backoff backoff(std::chrono::milliseconds(100), std::chrono::seconds(5));
  while (true) {
    std::size_t room = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, Deadline::After(kPollTimeout).when(), [this] { return !polling_ || HasRoom(); });
      if (!polling_) return;
      ReleaseDue();
      if (HasRoom()) room = options_.max_in_flight - static_cast<std::size_t>(in_flight_);
    }
    CommitDone();
    // Also without room: a member that stops polling, say because the store is away, would lose its partitions.
    auto records = consumer_->Poll(room, Deadline::After(kPollTimeout));
    if (!records && records.error().code == base::Code::kConflict) {
      base::LogError("{} is not read any more: {}", options_.topic, records.error().message);
      if (options_.shut_out) options_.shut_out(records.error().message);
      return;
    }
    if (!records) {
      if (backoff.first_try())
        base::LogWarning("{} cannot be read, waiting: {}", options_.topic, records.error().message);
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, Deadline::After(backoff.Next()).when(), [this] { return !polling_; });
      continue;
    }
    backoff.Reset();
    for (core::LogRecord& record : *records) Take(std::move(record));
  }
}

void UploadConsumer::Take(core::LogRecord record) {
  Item item;
  item.position = record.position;
  if (options_.delay) {
    base::LogInfo("Received message from partition {}, offset {} of {}", item.position.partition, item.position.offset,
                  options_.topic);
  } else {
    base::LogInfo("Received message from partition {}, offset {}", item.position.partition, item.position.offset);
  }
  item.not_before = record.timestamp;
  item.upload = TakeUpload(std::move(record), store_);
  if (options_.delay) {
    item.not_before = item.upload.trace.not_before.value_or(item.not_before + *options_.delay);
    item.latest = Deadline::After(*options_.delay);
  }
  item.held_bytes = HeldBytes(item.upload);
  std::lock_guard lock(mutex_);
  item.epoch = offsets_.Begin(item.position);
  ++in_flight_;
  in_flight_bytes_ += item.held_bytes;
  if (item.upload.work.id == 0) return MakeReady(std::move(item));  // it names no document: nobody to wait for
  const auto [found, first] = behind_.try_emplace(item.upload.work.id);
  if (first) {
    MakeReady(std::move(item));
  } else {
    found->second.push_back(std::move(item));
  }
}

bool UploadConsumer::IsDue(const Item& item) const {
  return !options_.delay || options_.clock() >= item.not_before || item.latest.expired();
}

/// REQUIRES: mutex_ held.
void UploadConsumer::MakeReady(Item item) {
  if (!IsDue(item)) {
    waiting_.push_back(std::move(item));
    return;
  }
  (item.upload.content_bytes > options_.long_document_bytes ? long_ : short_).push_back(std::move(item));
  changed_.notify_all();
}

/// REQUIRES: mutex_ held.
void UploadConsumer::ReleaseDue() {
  for (Lane waiting = std::exchange(waiting_, {}); !waiting.empty(); waiting.pop_front()) {
    MakeReady(std::move(waiting.front()));
  }
}

std::vector<UploadConsumer::Item> UploadConsumer::NextBatch(Lane& lane, bool batched) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !working_ || !lane.empty(); });
  std::vector<Item> items;
  if (!working_) return items;
  std::int64_t bytes = 0;
  do {
    bytes += lane.front().upload.content_bytes;
    items.push_back(std::move(lane.front()));
    lane.pop_front();
  } while (batched && !lane.empty() && items.size() < options_.batch_documents &&
           bytes + lane.front().upload.content_bytes <= options_.batch_bytes);
  return items;
}

void UploadConsumer::WorkLoop(Lane& lane, bool batched) {
  while (true) {
    std::vector<Item> items = NextBatch(lane, batched);
    if (items.empty()) return;
    std::vector<Upload> uploads;
    uploads.reserve(items.size());
    for (Item& item : items) {
      uploads.push_back(std::move(item.upload));
      item.upload.work.id = uploads.back().work.id;
    }
    Finish(items, processor_.Process(std::move(uploads), Deadline::After(kNoDeadline)));
  }
}

void UploadConsumer::Finish(const std::vector<Item>& items, const std::vector<Processed>& results) {
  std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    const core::DocumentId id = item.upload.work.id;
    --in_flight_;
    in_flight_bytes_ -= item.held_bytes;
    if (results[i].kind == Processed::Kind::kIndexed) {
      base::LogInfo("Successfully processed document {}: {} chunks", id, results[i].chunks);
    }
    // An abandoned record keeps its offset open, so nothing at or behind it is committed and it will be read again.
    if (results[i].kind != Processed::Kind::kAbandoned) offsets_.Done(item.position, item.epoch);
    const auto found = behind_.find(id);
    if (found == behind_.end()) continue;  // it names no document
    if (found->second.empty()) {
      behind_.erase(found);
    } else {
      Item next = std::move(found->second.front());
      found->second.pop_front();
      MakeReady(std::move(next));
    }
  }
  changed_.notify_all();
}

void UploadConsumer::CommitDone() {
  std::map<core::TopicPartition, std::int64_t> offsets;
  {
    std::lock_guard lock(mutex_);
    offsets = offsets_.Committable();
  }
  if (offsets.empty()) return;
  if (const auto committed = consumer_->Commit(offsets); !committed) {
    // Harmless: the records are read again and fenced.
    base::LogWarning("offsets were not committed: {}", committed.error().message);
    return;
  }
  std::lock_guard lock(mutex_);
  offsets_.Committed(offsets);
}

/// Records that nobody began are left to the partition's next owner.
void UploadConsumer::DropQueued(const std::vector<core::TopicPartition>& partitions) {
  const std::set<core::TopicPartition> lost(partitions.begin(), partitions.end());
  std::lock_guard lock(mutex_);
  const auto is_lost = [&](const Item& item) { return lost.contains({item.position.topic, item.position.partition}); };
  const auto forget = [this](const Item& item) {
    --in_flight_;
    in_flight_bytes_ -= item.held_bytes;
  };
  for (auto& [id, later] : behind_) {
    for (const Item& item : later) {
      if (is_lost(item)) forget(item);
    }
    std::erase_if(later, is_lost);
  }
  std::vector<Item> released;
  for (Lane* lane : {&short_, &long_, &waiting_}) {
    std::deque<Item> kept;
    for (Item& item : *lane) {
      if (!is_lost(item)) {
        kept.push_back(std::move(item));
        continue;
      }
      forget(item);
      // A document's partition does not change, so whatever waited behind this record was lost with it, unless the
      // topic got more partitions meanwhile.
      auto waiting = behind_.extract(item.upload.work.id);
      if (!waiting || waiting.mapped().empty()) continue;
      released.push_back(std::move(waiting.mapped().front()));
      waiting.mapped().pop_front();
      behind_.insert(std::move(waiting));
    }
    lane->swap(kept);
  }
  for (Item& item : released) MakeReady(std::move(item));
  changed_.notify_all();
}

void UploadConsumer::DrainUntil(Deadline deadline) {
  std::unique_lock lock(mutex_);
  // Those that wait for their time were dropped, or are not of the partitions that go.
  changed_.wait_until(lock, deadline.when(),
                      [this] { return in_flight_ <= static_cast<std::int64_t>(waiting_.size()); });
}

}  // namespace millrace::ingest
