#include "search/index_follower.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"
#include "core/document_event.h"
#include "core/schema_registry.h"

namespace millrace::search {
namespace {

using base::Code;
using base::Deadline;

constexpr auto kEventsPollTimeout = std::chrono::milliseconds(250);
constexpr auto kCompareInterval = std::chrono::seconds(30);
constexpr std::size_t kEventsPerPoll = 1024;
constexpr std::size_t kChunksPerPage = 8192;
constexpr std::size_t kVersionsPerPage = 4096;
constexpr std::size_t kDocumentsPerLoad = 256;
constexpr std::size_t kMaxRequests = 4096;

/// Only these change what may be answered.
bool ChangesIndex(core::DocumentStatus status) {
  return status == core::DocumentStatus::kIndexed || status == core::DocumentStatus::kDeleted;
}

/// Ascending (id, version, revision) of one side, fetched a page at a time.
class VersionStream {
 public:
  using Fetch = std::function<base::Result<std::vector<core::IndexedVersion>>(core::DocumentId, std::size_t)>;
  explicit VersionStream(Fetch fetch) : fetch_(std::move(fetch)) {}

  /// The current one; nothing at the end.
  base::Result<std::optional<core::IndexedVersion>> Peek() {
    if (next_ == page_.size() && !ended_) {
      ASSIGN_OR_RETURN(page_, fetch_(last_, kVersionsPerPage));
      next_ = 0;
      ended_ = page_.empty();
      if (!ended_) last_ = page_.back().id;
    }
    if (next_ == page_.size()) return std::optional<core::IndexedVersion>();
    return std::optional(page_[next_]);
  }
  void Advance() { ++next_; }

 private:
  Fetch fetch_;
  std::vector<core::IndexedVersion> page_;
  std::size_t next_ = 0;
  core::DocumentId last_ = 0;
  bool ended_ = false;
};

}  // namespace

IndexFollower::IndexFollower(Ports ports, base::Metrics& metrics)
    : ports_(std::move(ports)),
      events_followed_(metrics.AddCounter("millrace_index_events_total", "Records of document-events followed.")),
      healed_(metrics.AddCounter("millrace_index_healed_total",
                                 "Documents whose index entry differed from the store at the regular comparison.")) {}

IndexFollower::~IndexFollower() { Stop(); }

void IndexFollower::Start() {
  reader_ = std::thread([this] { ReadLoop(); });
  writer_ = std::thread([this] { WriteLoop(); });
}

void IndexFollower::Stop() {
  stop_.Stop();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (reader_.joinable()) reader_.join();
  if (writer_.joinable()) writer_.join();
}

base::Status IndexFollower::Refresh(std::span<const core::DocumentId> ids, Deadline deadline) {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = ++last_ticket_;
  requests_.push_back({{ids.begin(), ids.end()}, {}, {}, false, ticket});
  changed_.notify_all();
  if (!changed_.wait_until(lock, deadline.when(), [&] { return stopping_ || applied_ >= ticket; })) {
    return {Code::kDeadlineExceeded, "the index has not caught up in time"};
  }
  if (applied_ < ticket) return {Code::kUnavailable, "the server is stopping"};
  return {};
}

void IndexFollower::Suspect(std::span<const core::DocumentId> ids) {
  std::lock_guard lock(mutex_);
  if (requests_.size() >= kMaxRequests) return;  // a search must not wait; the regular comparison finds it
  requests_.push_back({{ids.begin(), ids.end()}, {}, {}, false, ++last_ticket_});
  changed_.notify_all();
}

std::string IndexFollower::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

std::map<core::TopicPartition, std::int64_t> IndexFollower::followed() const {
  std::lock_guard lock(mutex_);
  return followed_;
}

void IndexFollower::SetTrouble(std::string trouble) {
  std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

bool IndexFollower::WaitForChange(std::uint64_t& seen, Deadline deadline) const {
  std::unique_lock lock(mutex_);
  const bool changed =
      changed_.wait_until(lock, deadline.when(), [&] { return stopping_ || applied_ > seen; }) && applied_ > seen;
  seen = applied_;
  return changed;
}

void IndexFollower::Enqueue(Request request) {
  std::unique_lock lock(mutex_);
  // The reader waits here when the writer is behind: the log holds the backlog, not memory.
  changed_.wait(lock, [this] { return stopping_ || requests_.size() < kMaxRequests; });
  request.ticket = ++last_ticket_;
  requests_.push_back(std::move(request));
  changed_.notify_all();
}

base::Result<std::vector<core::Position>> IndexFollower::EndOfLog() {
  ASSIGN_OR_RETURN(const auto topic, ports_.log.DescribeTopic(core::kEventsTopic));
  std::vector<core::Position> ends;
  for (const auto& [partition, info] : topic.partitions) ends.push_back({topic.spec.name, partition, info.marks.high});
  return ends;
}

void IndexFollower::ReadLoop() {
  base::Backoff backoff(std::chrono::milliseconds(100), std::chrono::seconds(5));
  bool loaded_once = false;
  while (!stop_.stopping()) {
    const base::Status followed = Follow(loaded_once, backoff);
    if (followed || stop_.stopping()) continue;
    SetTrouble("the index cannot follow the store: " + followed.error().message);
    if (backoff.first_try())
      base::LogWarning("the index cannot follow the store, waiting: {}", followed.error().message);
    stop_.SleepUntil(Deadline::After(backoff.Next()));
    // Without the log there are no events, but what the store has can be answered.
    if (loaded_once) Enqueue({{}, {}, {}, true, 0});
  }
}

/// From the end of the log on, until its partitions change.
base::Status IndexFollower::Follow(bool& loaded_once, base::Backoff& backoff) {
  // The order matters: what is written after the end was read is in the events, what was written before is in the
  // store.
  const auto ends = EndOfLog();
  if (ends || !loaded_once) RETURN_IF_ERROR(LoadAll());
  loaded_once = true;
  if (!ends) return ends.error();
  auto reader = ports_.new_reader();
  RETURN_IF_ERROR(reader->Assign(*ends));
  Request loaded;
  for (const core::Position& end : *ends) loaded.next_offsets[{end.topic, end.partition}] = end.offset;
  Enqueue(std::move(loaded));
  ready_ = true;
  SetTrouble("");
  backoff.Reset();
  auto compare_due = Deadline::After(kCompareInterval);
  while (!stop_.stopping()) {
    if (!ReadOnce(*reader)) {
      stop_.SleepUntil(Deadline::After(backoff.Next()));
      continue;
    }
    backoff.Reset();
    if (!compare_due.expired()) continue;
    Enqueue({{}, {}, {}, true, 0});
    compare_due = Deadline::After(kCompareInterval);
    if (const auto now = EndOfLog(); now && now->size() != ends->size()) {
      base::LogInfo("{} has {} partitions now, following them anew", core::kEventsTopic, now->size());
      break;
    }
  }
  reader->Close();
  return {};
}

bool IndexFollower::ReadOnce(core::LogConsumer& reader) {
  auto records = reader.Poll(kEventsPerPoll, Deadline::After(kEventsPollTimeout));
  if (!records) return false;
  if (records->empty()) return true;
  Request request;
  for (const core::LogRecord& record : *records) {
    request.next_offsets[{record.position.topic, record.position.partition}] = record.position.offset + 1;
    auto event = core::ParseEvent(core::Payload(record.value.value_or("")));
    if (!event) {
      base::LogWarning("event {}/{}@{} is left out: {}", record.position.topic, record.position.partition,
                       record.position.offset, event.error().message);
      continue;
    }
    event->position = record.position;
    if (ChangesIndex(event->status)) request.ids.push_back(event->document_id);
    request.events.push_back(std::move(*event));
  }
  events_followed_.Add(static_cast<double>(records->size()));
  Enqueue(std::move(request));
  return true;
}

void IndexFollower::WriteLoop() {
  while (true) {
    std::deque<Request> requests;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !requests_.empty(); });
      if (stopping_) return;
      requests.swap(requests_);
      changed_.notify_all();
    }
    Handle(std::move(requests));
  }
}

void IndexFollower::Handle(std::deque<Request> requests) {
  std::vector<core::DocumentId> ids;
  bool compare_all = false;
  for (const Request& request : requests) {
    ids.insert(ids.end(), request.ids.begin(), request.ids.end());
    compare_all |= request.compare_all;
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());

  base::Backoff backoff(std::chrono::milliseconds(20), std::chrono::seconds(2));
  const auto until_done = [&](std::string_view what, auto call) {
    while (true) {
      const base::Status done = call();
      if (done || stop_.stopping()) return;
      if (!base::IsRetryable(done.error().code)) {
        // Waiting would not mend it, and one damaged document must not keep the others from being found.
        base::LogError("{} failed: {}", what, done.error().message);
        return;
      }
      if (backoff.first_try()) base::LogWarning("{} failed, trying again: {}", what, done.error().message);
      stop_.SleepUntil(Deadline::After(backoff.Next()));
    }
  };
  if (!ids.empty()) until_done("bringing the index up to date", [&] { return ReloadAndApply(ids); });
  if (compare_all) {
    // Not retried: the next comparison is half a minute away.
    if (const auto compared = CompareAll(); !compared) {
      base::LogWarning("the index was not compared with the store: {}", compared.error().message);
    }
  }
  for (const Request& request : requests) {
    if (!request.events.empty()) ports_.hub.Publish(request.events);
  }
  if (stop_.stopping()) return;
  std::lock_guard lock(mutex_);
  for (const Request& request : requests) {
    for (const auto& [partition, next] : request.next_offsets) followed_[partition] = next;
  }
  applied_ = std::max(applied_, requests.back().ticket);
  changed_.notify_all();
}

base::Status IndexFollower::LoadAll() {
  core::DocumentId after = 0;
  while (!stop_.stopping()) {
    ASSIGN_OR_RETURN(auto page, ports_.feed.Scan(after, kChunksPerPage));
    if (page.empty()) return {};
    after = page.back().id;
    RETURN_IF_ERROR(ports_.index.Apply(std::move(page)));
  }
  return {};
}

base::Status IndexFollower::ReloadAndApply(std::vector<core::DocumentId> ids) {
  for (std::size_t first = 0; first < ids.size(); first += kDocumentsPerLoad) {
    const std::size_t count = std::min(kDocumentsPerLoad, ids.size() - first);
    ASSIGN_OR_RETURN(auto entries, ports_.feed.Load(std::span(ids).subspan(first, count)));
    RETURN_IF_ERROR(ports_.index.Apply(std::move(entries)));
  }
  return {};
}

base::Status IndexFollower::CompareAll() {
  VersionStream stored([this](auto after, auto limit) { return ports_.feed.ListVersions(after, limit); });
  VersionStream held([this](auto after, auto limit) { return ports_.index.ListVersions(after, limit); });
  std::vector<core::DocumentId> different;
  while (!stop_.stopping()) {
    ASSIGN_OR_RETURN(const auto in_store, stored.Peek());
    ASSIGN_OR_RETURN(const auto in_index, held.Peek());
    if (!in_store && !in_index) break;
    const bool take_store = in_store && (!in_index || in_store->id <= in_index->id);
    const bool take_index = in_index && (!in_store || in_index->id <= in_store->id);
    if (!take_store || !take_index || *in_store != *in_index) {
      different.push_back(take_store ? in_store->id : in_index->id);
    }
    if (take_store) stored.Advance();
    if (take_index) held.Advance();
  }
  // What was merely on its way is reloaded too; applying it twice changes nothing.
  healed_.Add(static_cast<double>(different.size()));
  return ReloadAndApply(std::move(different));
}

}  // namespace millrace::search
