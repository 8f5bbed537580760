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

#undef MILLRACE_TABLE_OPTIONS

}  // namespace millrace::mysql
