#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "core/dead_letters.h"
#include "core/document_store.h"
#include "core/document_traces.h"
#include "core/effect_store.h"
#include "core/idempotency.h"
#include "core/index_feed.h"
#include "core/log.h"
#include "core/outbox.h"
#include "core/reindex.h"
#include "core/search_statistics.h"
#include "core/store_admin.h"

namespace millrace::sqlite {

struct SqliteOptions {
  std::filesystem::path directory;  // made if missing; holds `millrace.db` and `lock`
  std::chrono::seconds overtaken_contents_stay = core::kOvertakenKept;
  std::chrono::seconds overtaken_chunks_stay = std::chrono::seconds(60);
  std::chrono::milliseconds member_silence = std::chrono::seconds(10);  // then a group member loses its partitions
  std::chrono::milliseconds write_timeout = std::chrono::seconds(30);   // of calls that carry no deadline
  std::size_t max_waiting_writes = 4096;                                // beyond: kOverloaded
  std::int64_t max_bytes = 0;                                           // of the database; 0: what the disk holds
};

/// All stores and the log over one SQLite file, owned by this process alone. What it hands out lives as long as it does
/// and is thread-safe (consumers: one thread each). Writes that wait at the same time share one commit.
class SqliteDatabase {
 public:
  /// kConflict: another process uses the directory. kCorrupt: not a database, or damaged. kInvalidArgument: of another
  /// program or a newer Millrace. kUnavailable: cannot be written.
  static base::Result<std::unique_ptr<SqliteDatabase>> Open(const SqliteOptions& options);
  ~SqliteDatabase();  // REQUIRES: every consumer is gone

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
  core::LogProducer& producer();
  core::LogAdmin& log_admin();
  core::GroupAdmin& group_admin();
  core::SearchStatistics& search_statistics();

  /// With an empty group it can Assign, not Subscribe or Commit.
  std::unique_ptr<core::LogConsumer> NewConsumer(std::string group);

 private:
  struct Parts;
  explicit SqliteDatabase(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace::sqlite
