#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "adapters/memory/instance_table.h"
#include "adapters/memory/memory_log.h"
#include "adapters/memory/memory_store.h"
#include "core/search_tally.h"
#include "http/services.h"

namespace millrace::http {

/// One object behind every service: documents are held in a map and never processed, unless a test says so.
class FakeServices : public ingest::Intake,
                     public core::DocumentStore,
                     public core::ChunkStore,
                     public core::ContentStore,
                     public search::Search,
                     public admin::Overview,
                     public core::SearchStatistics {
 public:
  Services services() {
    const auto settings = [] { return std::vector<ConfigSetting>{{"listen", "127.0.0.1:8000", "default"}}; };
    return {*this,  *this,          *this,           *this, *this, events,  *this,    history, dead_letters, reindex,
            replay, keyed_requests, verified_delete, *this, log(), metrics, settings, "0.1.0", "model",      {},
            2};
  }

  LogServices log() {
    return {memory_log.admin(), memory_log.groups(), memory_log.producer(),
            [this] { return memory_log.NewConsumer(""); }};
  }

  memory::MemoryLog memory_log;
  memory::MemoryStore store;  // of dead letters, idempotency keys and what is indexed again, alone
  ingest::DeadLetterService dead_letters{store.dead_letters(), {"store-1", 1}, [] {}};
  ingest::ReplayService replay{store.documents(), memory_log.producer(), {"store-1", 1}};
  ingest::ReindexService reindex{store.reindexer(), store.documents(), [] { return base::Status(); }, [] {}};

  memory::InstanceTable instance_table;

  // What tests set.
  search::EventHub events;
  admin::PipelineHistory history{*this};
  base::Metrics metrics;
  base::StopFlag stop;
  ingest::KeyedRequests keyed_requests{{store.idempotency_keys(), instance_table}, "server", metrics};
  ingest::VerifiedDelete verified_delete{
      {*this, store.traces(), instance_table, memory_log.admin(), nullptr, [](core::DocumentId) { return false; },
       [] { return core::Instance{"server", core::kServerRole, "http://127.0.0.1", "", {}, {}, {}, {}}; }, stop}};
  std::optional<base::Error> accept_error, list_error, ask_error;
  bool process_at_once = false;  // Accept leaves documents searchable
  bool process_on_wait = false;  // WaitFor does
  bool process_late = false;     // WaitFor does, and answers with the record from before
  bool empty_index = false;
  admin::Readiness state = admin::Readiness::kReady;
  std::map<core::DocumentId, core::DocumentRecord> records;
  std::map<core::DocumentId, std::string> bodies;  // the same of every version
  std::map<core::DocumentId, std::vector<core::KeptVersion>> versions;
  std::vector<core::NewDocument> accepted;
  search::SearchRequest asked;
  std::atomic<int> waits{0};
  std::vector<core::Instance> instances;
  core::SearchReport report;
  core::SearchRange asked_range;
  std::size_t asked_top = 0;

  base::Result<std::vector<core::Accepted>> Accept(std::span<const core::NewDocument> documents,
                                                   base::Deadline) override {
    if (accept_error) return *accept_error;
    std::vector<core::Accepted> answers;
    for (const core::NewDocument& document : documents) answers.push_back(AcceptOne(document));
    return answers;
  }

  base::Result<ingest::SyncOutcome> AcceptAndIndex(core::NewDocument document, base::Deadline) override {
    if (accept_error) return *accept_error;
    const core::Accepted answer = AcceptOne(document);
    Process(answer.id);
    return ingest::SyncOutcome{answer.id, answer.version, 2};
  }

  base::Status Delete(core::DocumentId id, base::Deadline) override {
    if (records.erase(id) == 0) return Unknown(id);
    return {};
  }

  base::Result<core::DocumentRecord> WaitFor(core::DocumentId id, core::Version, base::Deadline) override {
    ++waits;
    auto before = Get(id);
    if (process_on_wait || process_late) Process(id);
    return process_late && before && before->indexed_version == 0 ? before : Get(id);
  }

  base::Result<core::DocumentRecord> Get(core::DocumentId id) override {
    const auto found = records.find(id);
    if (found == records.end()) return Unknown(id);
    return found->second;
  }

  base::Result<std::vector<core::KeptVersion>> ListVersions(core::DocumentId id, core::Version before,
                                                            std::size_t limit) override {
    std::vector<core::KeptVersion> found;
    for (const auto& version : versions[id]) {
      if (version.version < before && found.size() < limit) found.push_back(version);
    }
    return found;
  }

  base::Result<std::vector<core::DocumentRecord>> List(const core::DocumentQuery& query) override {
    if (list_error) return *list_error;
    std::vector<core::DocumentRecord> page;
    for (auto it = records.rbegin(); it != records.rend() && page.size() < query.limit; ++it) {
      const auto& [id, record] = *it;
      if (query.before && id >= *query.before) continue;
      if (query.status && record.status != *query.status) continue;
      if (query.key && record.key != query.key) continue;
      if (query.text && record.title.find(*query.text) == std::string::npos) continue;
      page.push_back(record);
    }
    return page;
  }

  base::Result<core::StoreCounts> Counts() override { return core::StoreCounts{}; }

  base::Result<std::string> ReadPart(core::DocumentId id, core::Version, std::int32_t part) override {
    constexpr std::size_t kPart = 4;
    const std::string& body = bodies[id];
    const std::size_t begin = static_cast<std::size_t>(part) * kPart;
    if (begin >= body.size()) return Unknown(id);
    return body.substr(begin, kPart);
  }

  base::Result<std::vector<core::StoredChunk>> Hydrate(std::span<const core::ChunkId>) override {
    return std::vector<core::StoredChunk>{};
  }

  base::Result<std::vector<core::StoredChunk>> ListChunks(core::DocumentId id, std::int32_t first,
                                                          std::size_t limit) override {
    std::vector<core::StoredChunk> page;
    for (std::int32_t index = first; index < 5 && page.size() < limit; ++index) page.push_back(Chunk(id, index));
    return page;
  }

  base::Result<search::SearchAnswer> Ask(const search::SearchRequest& request, base::Deadline) override {
    if (ask_error) return *ask_error;
    asked = request;
    search::SearchAnswer answer;
    answer.no_documents = empty_index;
    if (!empty_index) answer.hits.push_back({Chunk(7, 1), 0.5f});
    return answer;
  }

  bool IsSearchable(core::DocumentId id, core::Version version) const override {
    const auto found = records.find(id);
    return found != records.end() && version > 0 && found->second.indexed_version >= version;
  }

  base::Result<admin::PipelineStatus> Pipeline() override {
    admin::PipelineStatus status;
    status.model = "model";
    status.lag.push_back({"document-uploads", 0, "embedding-workers", 1, 5, std::nullopt, 4});
    status.retry_lag.push_back({"document-uploads-retry-5s", 0, "embedding-workers-retry-5s", 0, 2, 1, 1});
    status.total_lag = 4;
    status.retries_waiting = 1;
    return status;
  }
  base::Result<std::vector<core::Instance>> Instances() override { return instances; }
  admin::Readiness readiness() const override { return state; }
  admin::DependencyHealth Health() override { return {{"kafka", "disconnected: away"}}; }
  std::string mode() const override { return "embedded"; }

  base::Status Add(const core::SearchBatch&) override { return {}; }
  base::Result<core::SearchReport> Report(const core::SearchRange& range, std::size_t top) override {
    RETURN_IF_ERROR(core::CheckRange(range));
    asked_range = range;
    asked_top = top;
    return report;
  }
  base::Result<std::int64_t> Forget(core::Timestamp) override { return 0; }

  static core::StoredChunk Chunk(core::DocumentId id, std::int32_t index) {
    core::StoredChunk chunk;
    chunk.id = id * 10 + index;
    chunk.document_id = id;
    chunk.version = 1;
    chunk.chunk = {index, "text " + std::to_string(index), 0, 6};
    chunk.document_title = "A title";
    chunk.document_metadata = {{"lang", core::MetadataScalar(std::string("en"))}};
    return chunk;
  }

 private:
  static base::Error Unknown(core::DocumentId id) {
    return {base::Code::kNotFound, "there is no document " + std::to_string(id), {}};
  }

  core::Accepted AcceptOne(const core::NewDocument& document) {
    accepted.push_back(document);
    core::Accepted answer;
    for (auto& [id, record] : records) {
      if (!document.key || record.key != document.key) continue;
      const bool same = bodies[id] == document.content;
      if (!same) ++record.version;
      bodies[id] = document.content;
      return {id, record.version, same ? core::AcceptKind::kUnchanged : core::AcceptKind::kUpdated};
    }
    answer.id = records.empty() ? 1 : records.rbegin()->first + 1;
    answer.version = 1;
    core::DocumentRecord& record = records[answer.id];
    record.id = answer.id;
    record.key = document.key;
    record.title = document.title;
    record.metadata = document.metadata;
    record.chunking = document.chunking;
    record.version = 1;
    record.content_bytes = static_cast<std::int64_t>(document.content.size());
    record.created_at = core::Timestamp(std::chrono::milliseconds(1'705'314'600'250));
    bodies[answer.id] = document.content;
    if (process_at_once) Process(answer.id);
    return answer;
  }

  void Process(core::DocumentId id) {
    auto& record = records[id];
    record.indexed_version = record.version;
    record.status = core::DocumentStatus::kIndexed;
  }
};

}  // namespace millrace::http
