#include "contract/store_contract.h"

#include <cmath>
#include <map>
#include <utility>

namespace millrace::contract {
namespace {

/// The value, or a failed test and an empty one.
template <typename T>
T Expect(base::Result<T> result) {
  if (!result) {
    ADD_FAILURE() << base::CodeName(result.error().code) << ": " << result.error().message;
    return T{};
  }
  return std::move(result).value();
}

template <typename T>
T ExpectOne(base::Result<std::vector<T>> result) {
  auto values = Expect(std::move(result));
  EXPECT_EQ(values.size(), 1u);
  return values.empty() ? T{} : std::move(values.front());
}

}  // namespace

core::NewDocument Keyless(std::string title, std::string content) {
  core::NewDocument document;
  document.title = std::move(title);
  document.content = std::move(content);
  return document;
}

core::NewDocument Keyed(std::string key, std::string title, std::string content) {
  core::NewDocument document = Keyless(std::move(title), std::move(content));
  document.key = std::move(key);
  return document;
}

core::Effects MakeEffects(core::DocumentId id, core::Version version, int count, int first, int dimensions) {
  core::Effects effects;
  effects.id = id;
  effects.version = version;
  effects.chunked_at = effects.embedded_at = core::Now();
  for (int i = first; i < first + count; ++i) {
    effects.chunks.push_back({i, "v" + std::to_string(version) + " chunk " + std::to_string(i), i * 10, i * 10 + 9});
    const double angle = 0.01 * i + 0.1 * static_cast<double>(version);
    for (int d = 0; d < dimensions; ++d) {
      effects.vectors.push_back(static_cast<float>(d == 0 ? std::cos(angle) : d == 1 ? std::sin(angle) : 0.0));
    }
  }
  return effects;
}

core::Work OwnWork(core::DocumentId id, core::Version version) {
  core::Work work;
  work.id = id;
  work.version = version;
  work.timestamp = core::Now();
  return work;
}

core::Work ForeignWork(core::DocumentId id, std::int64_t offset, core::Timestamp timestamp, std::string content) {
  core::Work work;
  work.id = id;
  work.position = {core::kUploadsTopic, 0, offset};
  work.timestamp = timestamp;
  work.title = "foreign";
  work.content = std::move(content);
  return work;
}

core::Accepted StoreContract::Accept(const core::NewDocument& document) {
  return ExpectOne(ports().documents.Accept({&document, 1}, Soon()));
}

core::LogRecord MakeCopy(std::string topic) {
  core::LogRecord copy;
  copy.position.topic = std::move(topic);
  copy.key = std::string("k\0y\xff", 4);
  copy.value = std::string("{\"\0\xc3\x28\"", 6);
  copy.headers = {{"trace", std::string("\0\xfe", 2)}, {"millrace-attempt", "1"}, {"", ""}};
  return copy;
}

core::DeadLetterDraft MakeDeadLetter(core::DocumentId id, core::Version version, std::int64_t offset,
                                     std::string code) {
  core::DeadLetterDraft draft;
  draft.original = {core::kUploadsTopic, 0, offset};
  draft.original_timestamp = core::Timestamp(std::chrono::milliseconds(1'700'000'000'000));
  draft.document_id = id;
  draft.version = version;
  draft.attempts = 3;
  draft.error = {std::move(code), "It cannot be done.", "chunk"};
  draft.copy = MakeCopy(core::kDeadLettersTopic);
  return draft;
}

core::WorkOrder StoreContract::Begin(const core::Work& work, const std::string& worker) {
  return ExpectOne(ports().effects.Begin({&work, 1}, worker, Soon()));
}

core::WorkOrder StoreContract::BeginAlone(core::Work work, const std::string& worker) {
  work.alone = true;
  return Begin(work, worker);
}

core::Applied StoreContract::Stage(const core::Effects& part) { return Expect(ports().effects.Stage(part, Soon())); }

core::Applied StoreContract::Publish(const core::Effects& effects) {
  return ExpectOne(ports().effects.Publish({&effects, 1}, Soon()));
}

core::Applied StoreContract::Fail(core::DocumentId id, core::Version version) {
  const core::Failure failure{id, version, {"no_text", "The document has no text.", "chunk"}, {}, {}};
  return ExpectOne(ports().effects.Fail({&failure, 1}, Soon()));
}

core::Applied StoreContract::FailForNow(core::DocumentId id, core::Version version, core::Timestamp not_before) {
  core::Failure failure{id, version, {"embedding_failed", "The model did not answer.", "embed"}, {}, {}};
  failure.retry = {MakeCopy("document-uploads-retry-5s"), not_before};
  return ExpectOne(ports().effects.Fail({&failure, 1}, Soon()));
}

core::Applied StoreContract::FailForGood(core::DocumentId id, core::Version version, std::int64_t offset) {
  core::Failure failure{id, version, {"no_text", "The document has no text.", "chunk"}, {}, {}};
  failure.dead_letter = MakeDeadLetter(id, version, offset);
  return ExpectOne(ports().effects.Fail({&failure, 1}, Soon()));
}

std::vector<core::DeadLetter> StoreContract::DeadLetters(const core::DeadLetterQuery& query) {
  return Expect(ports().dead_letters.List(query));
}

void StoreContract::Redrive(core::DeadLetterId id, const core::LogRecord& record) {
  const auto status = ports().dead_letters.Redrive(id, record, Soon());
  EXPECT_TRUE(status) << status.error().message;
}

void StoreContract::Delete(core::DocumentId id) {
  const auto status = ports().documents.Delete(id, Soon());
  EXPECT_TRUE(status) << status.error().message;
}

core::DocumentRecord StoreContract::Get(core::DocumentId id) { return Expect(ports().documents.Get(id)); }

core::Accepted StoreContract::AcceptIndexed(const core::NewDocument& document, int chunks) {
  const auto accepted = Accept(document);
  EXPECT_EQ(Begin(OwnWork(accepted.id, accepted.version)).verdict, core::WorkOrder::Verdict::kProcess);
  EXPECT_EQ(Publish(MakeEffects(accepted.id, accepted.version, chunks)), core::Applied::kYes);
  return accepted;
}

std::vector<core::StoredChunk> StoreContract::ListChunks(core::DocumentId id) {
  return Expect(ports().chunks.ListChunks(id, 0, 10'000));
}

std::vector<core::ChunkId> StoreContract::ChunkIds(core::DocumentId id) {
  std::vector<core::ChunkId> ids;
  for (const auto& chunk : ListChunks(id)) ids.push_back(chunk.id);
  return ids;
}

std::size_t StoreContract::CountHydrated(const std::vector<core::ChunkId>& ids) {
  return Expect(ports().chunks.Hydrate(ids)).size();
}

bool StoreContract::HasBody(core::DocumentId id, core::Version version) {
  const auto part = ports().contents.ReadPart(id, version, 0);
  if (!part) {
    EXPECT_EQ(part.error().code, base::Code::kNotFound);
  }
  return part.has_value();
}

core::IndexEntry StoreContract::Load(core::DocumentId id) { return ExpectOne(ports().feed.Load({&id, 1})); }

std::vector<core::OutboxRow> StoreContract::Claim(std::chrono::milliseconds lease) {
  return Expect(ports().outbox.Claim(1000, 1 << 20, lease));
}

void StoreContract::MarkSent(const core::OutboxRow& row, core::Position position) {
  const core::Sent sent{row.id, std::move(position)};
  const auto status = ports().outbox.MarkSent({&sent, 1});
  EXPECT_TRUE(status) << status.error().message;
}

void StoreContract::Release(const std::vector<core::OutboxRow>& rows) {
  std::vector<std::int64_t> ids;
  for (const auto& row : rows) ids.push_back(row.id);
  const auto status = ports().outbox.Release(ids);
  EXPECT_TRUE(status) << status.error().message;
}

std::vector<core::OutboxRow> StoreContract::Drain() {
  std::vector<core::OutboxRow> all;
  std::map<std::string, std::int64_t> next_offset;
  while (!testing::Test::HasFailure()) {
    const auto rows = Claim();
    if (rows.empty()) break;
    for (const auto& row : rows) MarkSent(row, {row.topic, 0, next_offset[row.topic]++});
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

std::vector<core::DocumentEvent> StoreContract::TakeEvents() {
  std::vector<core::DocumentEvent> events;
  std::vector<core::OutboxRow> others;
  while (!testing::Test::HasFailure()) {
    const auto rows = Claim();
    if (rows.empty()) break;
    for (const auto& row : rows) {
      if (row.topic != core::kEventsTopic) {
        others.push_back(row);
        continue;
      }
      const core::LogRecord record = row.record.value_or(core::LogRecord());
      events.push_back(Expect(core::ParseEvent(record.value.value_or(""))));
      EXPECT_EQ(record.key, core::DocumentKey(row.document_id));
      EXPECT_EQ(record.position, (core::Position{core::kEventsTopic, -1, -1}));
      EXPECT_TRUE(record.headers.empty());
      EXPECT_EQ(row.document_id, events.back().document_id);
      EXPECT_EQ(row.version, events.back().version);
      MarkSent(row, {row.topic, 0, 0});
    }
  }
  Release(others);
  return events;
}

std::vector<core::OutboxRow> StoreContract::DueUploads() { return Due(core::kUploadsTopic); }

std::vector<core::OutboxRow> StoreContract::Due(const std::string& topic) {
  const auto rows = Claim();
  Release(rows);
  std::vector<core::OutboxRow> due;
  for (const auto& row : rows) {
    if (row.topic == topic) due.push_back(row);
  }
  return due;
}

std::int64_t StoreContract::BacklogRows() { return Expect(ports().outbox.Backlog()).rows; }

}  // namespace millrace::contract
