#include "adapters/sqlite/schema.h"

#include <fmt/core.h>
#include <sys/random.h>

#include <array>
#include <string>

namespace millrace::sqlite {
namespace {

constexpr std::int64_t kApplicationId = 0x4d4c5243;  // "MLRC", in the file's header

/// Times are milliseconds since 1970. `document_state` outlives its document: it is the tombstone. What an answer shows
/// is kept by version, so that text and title belong together. `retired_versions` lists the overtaken versions whose
/// chunks and contents are still to be removed.
constexpr const char* kDocuments = R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE documents(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT UNIQUE,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);

CREATE TABLE document_versions(
  document_id INTEGER NOT NULL, version INTEGER NOT NULL,
  title TEXT NOT NULL,
  metadata TEXT NOT NULL,
  strategy TEXT NOT NULL, max_tokens INTEGER NOT NULL, overlap_tokens INTEGER NOT NULL,
  content_bytes INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  identity_hash TEXT NOT NULL,
  PRIMARY KEY(document_id, version)) WITHOUT ROWID;

CREATE TABLE document_state(
  document_id INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  indexed_version INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER,
  deleted_version INTEGER NOT NULL DEFAULT 0,
  deleted_at INTEGER,
  position_topic TEXT, position_partition INTEGER, position_offset INTEGER,
  position_at INTEGER, position_version INTEGER,
  chunk_count INTEGER NOT NULL DEFAULT 0,
  progress_at INTEGER NOT NULL,
  received_at INTEGER, chunked_at INTEGER, embedded_at INTEGER, stored_at INTEGER,
  error_code TEXT, error_message TEXT, error_stage TEXT, warning TEXT);
CREATE INDEX document_state_by_status ON document_state(status, document_id, chunk_count);

CREATE TABLE document_contents(
  document_id INTEGER NOT NULL, version INTEGER NOT NULL, part INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  data BLOB NOT NULL,
  UNIQUE(document_id, version, part));

CREATE TABLE chunks(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  document_id INTEGER NOT NULL, version INTEGER NOT NULL, chunk_index INTEGER NOT NULL,
  char_start INTEGER NOT NULL, char_end INTEGER NOT NULL,
  text TEXT NOT NULL,
  UNIQUE(document_id, version, chunk_index));

CREATE TABLE vectors(
  document_id INTEGER NOT NULL, version INTEGER NOT NULL,
  first_index INTEGER NOT NULL, count INTEGER NOT NULL,
  first_chunk_id INTEGER NOT NULL,
  data BLOB NOT NULL,
  UNIQUE(document_id, version, first_index));

CREATE TABLE retired_versions(
  document_id INTEGER NOT NULL, version INTEGER NOT NULL,
  retired_at INTEGER NOT NULL,
  was_indexed INTEGER NOT NULL,
  chunks_removed INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(document_id, version)) WITHOUT ROWID;
CREATE INDEX retired_versions_by_time ON retired_versions(chunks_removed, retired_at);

CREATE TABLE outbox(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL,
  document_id INTEGER NOT NULL, version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  leased_until INTEGER NOT NULL DEFAULT 0,
  value TEXT);
CREATE INDEX outbox_by_document ON outbox(document_id, topic);
)sql";

constexpr const char* kLog = R"sql(
CREATE TABLE log_topics(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  replication INTEGER NOT NULL,
  retention_ms INTEGER,
  created_at INTEGER NOT NULL);

CREATE TABLE log_partitions(
  topic_id INTEGER NOT NULL, partition INTEGER NOT NULL,
  low INTEGER NOT NULL DEFAULT 0, high INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(topic_id, partition)) WITHOUT ROWID;

CREATE TABLE log_records(
  topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
  timestamp INTEGER NOT NULL,
  key BLOB, headers BLOB, value BLOB,
  PRIMARY KEY(topic_id, partition, offset)) WITHOUT ROWID;

CREATE TABLE log_groups(name TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE log_offsets(
  group_name TEXT NOT NULL, topic_id INTEGER NOT NULL, partition INTEGER NOT NULL,
  next_offset INTEGER NOT NULL,
  PRIMARY KEY(group_name, topic_id, partition)) WITHOUT ROWID;
)sql";

/// Settings have Kafka's names. A group's generation was never asked for.
constexpr const char* kTopicConfig = R"sql(
CREATE TABLE log_topic_config(
  topic_id INTEGER NOT NULL, name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(topic_id, name)) WITHOUT ROWID;
INSERT INTO log_topic_config(topic_id, name, value)
  SELECT id, 'retention.ms', CAST(retention_ms AS TEXT) FROM log_topics WHERE retention_ms IS NOT NULL;
ALTER TABLE log_topics DROP COLUMN retention_ms;
ALTER TABLE log_groups DROP COLUMN generation;
)sql";

/// Searches by the minute, their latencies by core::LatencyBucket, their queries by the hour.
constexpr const char* kSearches = R"sql(
CREATE TABLE search_minutes(
  minute INTEGER PRIMARY KEY,
  searches INTEGER NOT NULL, without_results INTEGER NOT NULL);

CREATE TABLE search_latencies(
  minute INTEGER NOT NULL, bucket INTEGER NOT NULL,
  searches INTEGER NOT NULL,
  PRIMARY KEY(minute, bucket)) WITHOUT ROWID;

CREATE TABLE search_queries(
  hour INTEGER NOT NULL, query TEXT NOT NULL,
  searches INTEGER NOT NULL, without_results INTEGER NOT NULL,
  PRIMARY KEY(hour, query)) WITHOUT ROWID;

CREATE TABLE search_offsets(
  topic TEXT NOT NULL, partition INTEGER NOT NULL,
  next_offset INTEGER NOT NULL,
  newest INTEGER NOT NULL,
  PRIMARY KEY(topic, partition)) WITHOUT ROWID;
)sql";

/// An outbox row that is a record has its key, headers and value; an event has a value alone; what the relay builds has
/// none. `dead_letter` is the one whose copy it is. `worker` marks a document that a process has in hand.
constexpr const char* kDeadLetters = R"sql(
CREATE TABLE dead_letters(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  original_topic TEXT NOT NULL, original_partition INTEGER NOT NULL, original_offset INTEGER NOT NULL,
  original_at INTEGER NOT NULL,
  document_id INTEGER NOT NULL, version INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  error_code TEXT NOT NULL, error_message TEXT NOT NULL, error_stage TEXT NOT NULL,
  failed_at INTEGER NOT NULL,
  redrives INTEGER NOT NULL DEFAULT 0,
  redriven_at INTEGER,
  position_topic TEXT, position_partition INTEGER, position_offset INTEGER,
  value_bytes INTEGER NOT NULL,
  key BLOB, headers BLOB, value BLOB,
  UNIQUE(original_topic, original_partition, original_offset, original_at));
CREATE INDEX dead_letters_by_document ON dead_letters(document_id, version);
CREATE INDEX dead_letters_by_reason ON dead_letters(error_code, error_stage, failed_at);
CREATE INDEX dead_letters_by_time ON dead_letters(failed_at);

ALTER TABLE outbox ADD COLUMN is_record INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN key BLOB;
ALTER TABLE outbox ADD COLUMN headers BLOB;
ALTER TABLE outbox ADD COLUMN dead_letter INTEGER;

ALTER TABLE document_state ADD COLUMN worker TEXT;
ALTER TABLE document_state ADD COLUMN alone INTEGER NOT NULL DEFAULT 0;
ALTER TABLE document_state ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
)sql";

/// The newest version that was made by re-indexing the one before.
constexpr const char* kReindexed = "ALTER TABLE document_state ADD COLUMN reindexed_version INTEGER NOT NULL DEFAULT 0";

/// Requests with an idempotency key (core/idempotency.h); one that is answered has a status. What was accepted for a
/// request outlives its answer.
constexpr const char* kKeyedRequests = R"sql(
CREATE TABLE keyed_requests(
  id TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  owner TEXT NOT NULL,
  begun_at INTEGER NOT NULL, created_at INTEGER NOT NULL,
  status INTEGER, content_type TEXT, location TEXT, body BLOB);
CREATE INDEX keyed_requests_by_time ON keyed_requests(created_at);

CREATE TABLE keyed_documents(
  request TEXT NOT NULL, line INTEGER NOT NULL,
  document_id INTEGER NOT NULL, version INTEGER NOT NULL, kind INTEGER NOT NULL,
  PRIMARY KEY(request, line)) WITHOUT ROWID;
CREATE INDEX keyed_documents_by_document ON keyed_documents(document_id);
)sql";

/// Leases are in memory (outbox.h).
constexpr const char* kLeasesInMemory = "ALTER TABLE outbox DROP COLUMN leased_until";

constexpr std::array kMigrations = {
    kDocuments,   kLog,       kTopicConfig,   kSearches,
    kDeadLetters, kReindexed, kKeyedRequests, kLeasesInMemory};  // only ever added to: user_version counts them

base::Result<std::string> RandomId() {
  char bytes[16];
  if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
    return base::Error{base::Code::kInternal, "the system gives no random bytes", {}};
  }
  std::string id;
  for (const char byte : bytes) id += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return id;
}

}  // namespace

base::Status CheckOwner(Connection& connection) {
  const bool empty = connection.Int("SELECT count(*) FROM sqlite_schema") == 0;
  if (!empty && connection.Int("PRAGMA application_id") != kApplicationId) {
    return {base::Code::kInvalidArgument, "the database belongs to another program"};
  }
  const auto version = static_cast<std::size_t>(connection.Int("PRAGMA user_version").value_or(0));
  if (version > kMigrations.size()) {
    return {base::Code::kInvalidArgument,
            fmt::format("the database was written by a newer millrace (schema {}, this one "
                        "knows {})",
                        version, kMigrations.size())};
  }
  return {};
}

base::Status Migrate(Connection& connection) {
  ASSIGN_OR_RETURN(const std::string id, RandomId());
  connection.Execute("BEGIN IMMEDIATE");
  const auto version = static_cast<std::size_t>(connection.Int("PRAGMA user_version").value_or(0));
  for (std::size_t next = version; next < kMigrations.size(); ++next) connection.Execute(kMigrations[next]);
  if (version < kMigrations.size()) {
    connection.Execute(
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, kMigrations.size())
            .c_str());
  }
  connection.Run("INSERT OR IGNORE INTO meta(name, value) VALUES ('store_id', ?1), ('epoch', 1)", id);
  connection.Execute("COMMIT");
  return {};
}

}  // namespace millrace::sqlite
