#pragma once

#include <array>

/// The tables of this adapter but the contract's two (contract_tables.h). Times are milliseconds since 1970, names and
/// hashes compare by bytes.
namespace millrace::mysql {

#define MILLRACE_TABLE_OPTIONS " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

/// `document_state` outlives its document: it is the tombstone, and so refers to nothing. What an answer shows is kept
/// by version, so that text and title belong together. `retired_versions` lists the overtaken versions whose chunks and
/// contents are still to be removed.
inline constexpr std::array kDocumentTables = {
    R"sql(CREATE TABLE IF NOT EXISTS millrace_meta(
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  value VARCHAR(512) NOT NULL))sql" MILLRACE_TABLE_OPTIONS,

    R"sql(CREATE TABLE IF NOT EXISTS document_versions(
  document_id BIGINT NOT NULL, version BIGINT NOT NULL,
  title LONGTEXT NOT NULL,
  metadata LONGTEXT NOT NULL,
  strategy VARCHAR(16) NOT NULL, max_tokens INT NOT NULL, overlap_tokens INT NOT NULL,
  content_bytes BIGINT NOT NULL,
  content_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  identity_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY(document_id, version)))sql" MILLRACE_TABLE_OPTIONS,

    R"sql(CREATE TABLE IF NOT EXISTS document_state(
  document_id BIGINT NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  indexed_version BIGINT NOT NULL DEFAULT 0,
  revision BIGINT NOT NULL DEFAULT 0,
  status VARCHAR(16) NOT NULL,
  attempts INT NOT NULL DEFAULT 0,
  next_attempt_at BIGINT NULL,
  deleted_version BIGINT NOT NULL DEFAULT 0,
  deleted_at BIGINT NULL,
  created_at BIGINT NULL,
  position_topic VARCHAR(255) NULL, position_partition INT NULL, position_offset BIGINT NULL,
  position_at BIGINT NULL, position_version BIGINT NULL,
  chunk_count BIGINT NOT NULL DEFAULT 0,
  staged BOOLEAN NOT NULL DEFAULT FALSE,
  progress_at BIGINT NOT NULL,
  received_at BIGINT NULL, chunked_at BIGINT NULL, embedded_at BIGINT NULL, stored_at BIGINT NULL,
  error_code VARCHAR(255) NULL, error_message LONGTEXT NULL, error_stage VARCHAR(64) NULL, warning LONGTEXT NULL,
  KEY document_state_by_status(status, document_id, chunk_count)))sql" MILLRACE_TABLE_OPTIONS,

    R"sql(CREATE TABLE IF NOT EXISTS document_contents(
  document_id BIGINT NOT NULL, version BIGINT NOT NULL, part INT NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  data LONGBLOB NOT NULL,
  PRIMARY KEY(document_id, version, part)))sql" MILLRACE_TABLE_OPTIONS,

    R"sql(CREATE TABLE IF NOT EXISTS retired_versions(
  document_id BIGINT NOT NULL, version BIGINT NOT NULL,
  retired_at BIGINT NOT NULL,
  was_indexed BOOLEAN NOT NULL,
  chunks_removed BOOLEAN NOT NULL DEFAULT FALSE,
  PRIMARY KEY(document_id, version),
  KEY retired_versions_by_time(chunks_removed, retired_at)))sql" MILLRACE_TABLE_OPTIONS,

    R"sql(CREATE TABLE IF NOT EXISTS outbox(
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  topic VARCHAR(255) NOT NULL,
  document_id BIGINT NOT NULL, version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  leased_until BIGINT NOT NULL DEFAULT 0,
  leased_by BIGINT NOT NULL DEFAULT 0,
  value LONGTEXT NULL,
  KEY outbox_by_document(document_id, topic, id)))sql" MILLRACE_TABLE_OPTIONS,
};

/// `record_key`, `headers` (core::EncodeHeaders) and `value` are bytes of a record, as it was read.
inline constexpr std::array kDeadLetterTables = {
    R"sql(CREATE TABLE IF NOT EXISTS dead_letters(
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  original_topic VARCHAR(255) NOT NULL, original_partition INT NOT NULL, original_offset BIGINT NOT NULL,
  original_at BIGINT NOT NULL,
  document_id BIGINT NOT NULL, version BIGINT NOT NULL,
  attempts INT NOT NULL,
  error_code VARCHAR(255) NOT NULL, error_message LONGTEXT NOT NULL, error_stage VARCHAR(64) NOT NULL,
  failed_at BIGINT NOT NULL,
  redrives INT NOT NULL DEFAULT 0,
  redriven_at BIGINT NULL,
  position_topic VARCHAR(255) NULL, position_partition INT NULL, position_offset BIGINT NULL,
  value_bytes BIGINT NOT NULL,
  record_key LONGBLOB NULL, headers LONGBLOB NULL, value LONGBLOB NULL,
  UNIQUE KEY dead_letters_original(original_topic, original_partition, original_offset, original_at),
  KEY dead_letters_by_document(document_id, version),
  KEY dead_letters_by_reason(error_code, error_stage, failed_at),
  KEY dead_letters_by_time(failed_at)))sql" MILLRACE_TABLE_OPTIONS,
};

/// Each is made whole or not at all; the column says whether it was.
struct AddedColumns {
  const char *table, *column, *alter;
};

/// An outbox row that is a record has its key, headers and value; an event has a value alone; what the relay builds has
/// none. `dead_letter` is the one whose copy it is (0: of none). `worker` marks a document that a process has in hand.
inline constexpr std::array kDeadLetterColumns = {
    AddedColumns{"outbox", "is_record",
                 R"sql(ALTER TABLE outbox MODIFY value LONGBLOB NULL,
  ADD COLUMN is_record BOOLEAN NOT NULL DEFAULT FALSE,
  ADD COLUMN record_key LONGBLOB NULL, ADD COLUMN headers LONGBLOB NULL,
  ADD COLUMN dead_letter BIGINT NOT NULL DEFAULT 0)sql"},
    AddedColumns{"document_state", "worker",
                 R"sql(ALTER TABLE document_state ADD COLUMN worker VARCHAR(64) NULL,
  ADD COLUMN alone BOOLEAN NOT NULL DEFAULT FALSE,
  ADD COLUMN crashes INT NOT NULL DEFAULT 0)sql"},
};

/// The newest version that was made by re-indexing the one before.
inline constexpr AddedColumns kReindexedColumn = {
    "document_state", "reindexed_version",
    "ALTER TABLE document_state ADD COLUMN reindexed_version BIGINT NOT NULL DEFAULT 0"};

/// Who is there (DELIVERY §7), and who of them does what only one should do. Lists are lines of text.
inline constexpr std::array kPresenceTables = {
    R"sql(CREATE TABLE IF NOT EXISTS instances(
  id VARCHAR(64) NOT NULL PRIMARY KEY,
  role VARCHAR(16) NOT NULL,
  url VARCHAR(512) NOT NULL,
  version VARCHAR(64) NOT NULL,
  started_at BIGINT NOT NULL, heartbeat BIGINT NOT NULL,
  applied LONGTEXT NOT NULL,
  partitions LONGTEXT NOT NULL,
  documents_per_1000s BIGINT NOT NULL, chunks_per_1000s BIGINT NOT NULL, tokens_per_1000s BIGINT NOT NULL,
  in_flight BIGINT NOT NULL,
  KEY instances_by_heartbeat(heartbeat)))sql" MILLRACE_TABLE_OPTIONS,

    R"sql(CREATE TABLE IF NOT EXISTS leases(
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  holder VARCHAR(64) NOT NULL,
  expires_at BIGINT NOT NULL))sql" MILLRACE_TABLE_OPTIONS,
};

/// What core/search_tally.h adds up, and how far each partition is counted (no next_offset: not at all).
inline constexpr std::array kStatisticsTables = {
    R"sql(CREATE TABLE IF NOT EXISTS search_progress(
  topic VARCHAR(255) NOT NULL, partition_number INT NOT NULL,
  next_offset BIGINT NULL, newest BIGINT NULL,
  PRIMARY KEY(topic, partition_number)))sql" MILLRACE_TABLE_OPTIONS,

    R"sql(CREATE TABLE IF NOT EXISTS search_minutes(
  minute BIGINT NOT NULL PRIMARY KEY,
  searches BIGINT NOT NULL, without_results BIGINT NOT NULL))sql" MILLRACE_TABLE_OPTIONS,

    R"sql(CREATE TABLE IF NOT EXISTS search_latencies(
  minute BIGINT NOT NULL, bucket INT NOT NULL,
  searches BIGINT NOT NULL,
  PRIMARY KEY(minute, bucket)))sql" MILLRACE_TABLE_OPTIONS,

    R"sql(CREATE TABLE IF NOT EXISTS search_queries(
  hour BIGINT NOT NULL, query VARBINARY(1024) NOT NULL,
  searches BIGINT NOT NULL, without_results BIGINT NOT NULL,
  PRIMARY KEY(hour, query)))sql" MILLRACE_TABLE_OPTIONS,
};

/// Requests with an idempotency key (core/idempotency.h); one that is answered has a status. What was accepted for a
/// request outlives its answer.
inline constexpr std::array kKeyedRequestTables = {
    R"sql(CREATE TABLE IF NOT EXISTS keyed_requests(
  id CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  fingerprint CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  owner VARCHAR(64) NOT NULL,
  begun_at BIGINT NOT NULL, created_at BIGINT NOT NULL,
  status INT NULL, content_type VARCHAR(255) NULL, location VARCHAR(2048) NULL, body LONGBLOB NULL,
  KEY keyed_requests_by_time(created_at)))sql" MILLRACE_TABLE_OPTIONS,

    R"sql(CREATE TABLE IF NOT EXISTS keyed_documents(
  request CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, line BIGINT NOT NULL,
  document_id BIGINT NOT NULL, version BIGINT NOT NULL, kind INT NOT NULL,
  PRIMARY KEY(request, line),
  KEY keyed_documents_by_document(document_id)))sql" MILLRACE_TABLE_OPTIONS,
};

#undef MILLRACE_TABLE_OPTIONS

}  // namespace millrace::mysql
