#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "core/dead_letters.h"
#include "core/document_store.h"
#include "core/document_traces.h"
#include "core/effect_store.h"
#include "core/foreign_rows.h"
#include "core/idempotency.h"
#include "core/index_feed.h"
#include "core/instances.h"
#include "core/outbox.h"
#include "core/reindex.h"
#include "core/search_statistics.h"
#include "core/store_admin.h"

namespace millrace::mysql {

struct MysqlTls {
  bool required = false;                   // off: plain TCP, as the contract has it
  bool verify = true;                      // the server's certificate and its name
  std::string ca_file;                     // PEM; empty: those of the system
  std::string certificate_file, key_file;  // PEM; of this client, where the server asks for one
};

struct MysqlOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 3306;
  std::string user, password, database;
  MysqlTls tls;
  std::size_t pool_size = 8;                                            // connections, opened when needed
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(3);  // of at least one second, in whole ones
  std::chrono::milliseconds call_timeout = std::chrono::seconds(10);    // of calls that carry no deadline
  std::chrono::seconds overtaken_contents_stay = core::kOvertakenKept;
  std::chrono::seconds overtaken_chunks_stay = std::chrono::seconds(60);
};

/// All stores over one database of a MySQL 8 or MariaDB 10.11 server, shared with other processes and programs. What it
/// hands out lives as long as it does and is thread-safe. A server that goes away is kUnavailable until it is back;
/// connections come back by themselves.
class MysqlDatabase {
 public:
  /// Connects and brings the schema up to date; may wait for another process that does. kUnavailable: not reachable, or
  /// the user or password is refused. kInvalidArgument: tables of another program that cannot be taken over, or of a
  /// newer Millrace.
  static base::Result<std::unique_ptr<MysqlDatabase>> Open(const MysqlOptions& options);
  ~MysqlDatabase();

  core::DocumentStore& documents();
  core::ContentStore& contents();
  core::ChunkStore& chunks();
  core::EffectStore& effects();
  core::DeadLetters& dead_letters();
  core::Reindexer& reindexer();
  core::IdempotencyKeys& idempotency_keys();
  core::TraceFinder& traces();
  core::IndexFeed& index_feed();
  core::Outbox& outbox();
  core::StoreAdmin& admin();
  core::Instances& instances();
  core::SearchStatistics& statistics();
  core::ForeignRows& foreign_rows();

 private:
  struct Parts;
  explicit MysqlDatabase(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace::mysql
