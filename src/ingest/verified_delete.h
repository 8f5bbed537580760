#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "base/signal.h"
#include "core/document_traces.h"
#include "core/instances.h"
#include "core/log.h"
#include "core/vector_cache.h"
#include "ingest/intake.h"

namespace millrace::ingest {

/// Of one kind of thing that was there of a document: before the delete, and when it was looked for afterwards.
struct FoundLeft {
  std::int64_t found = 0, left = 0;
};

/// What a delete has removed, looked up afterwards, and what it cannot remove.
struct DeleteReceipt {
  struct Witness {
    std::string id, role, url;
    bool confirmed = false;  // it does not answer with the document any more; else it did not say so in time
  };
  struct Record {
    core::KnownRecord record;
    bool for_ever = false;                      // the topic keeps its records
    std::optional<core::Timestamp> kept_until;  // at least; none: for ever, or as long as the brokers are set to
  };

  core::DocumentId id = 0;
  bool already_deleted = false;
  std::vector<std::pair<std::string, FoundLeft>> store;  // rows, by what they hold
  std::optional<FoundLeft> cache;                        // keys; none: there is no cache, or `cache_error`
  std::string cache_error;                               // why the cache could not be asked
  FoundLeft index;                                       // entries of this server's index
  std::vector<Witness> instances;                        // those that lived when it was deleted, this one first
  std::vector<Record> log;                               // records that are still there, as far as they are known
  std::string log_error;                                 // why the log could not be asked
  core::Timestamp checked_at;

  /// Nothing is left, and every instance said so. What the log holds does not count: it goes by itself.
  bool verified() const;
};

/// Deletes, and looks afterwards. Thread-safe.
class VerifiedDelete {
 public:
  struct Ports {
    Intake& intake;
    core::TraceFinder& traces;
    core::Instances& instances;
    core::LogAdmin& log;
    core::VectorCache* cache = nullptr;
    std::function<bool(core::DocumentId)> is_indexed;  // here
    std::function<core::Instance()> self;
    const base::StopFlag& stop;
  };

  explicit VerifiedDelete(Ports ports) : ports_(std::move(ports)) {}

  /// Deletes the document if it is not deleted yet, then waits until every living instance has confirmed, at most until
  /// `patience`. kNotFound: it never was.
  base::Result<DeleteReceipt> Run(core::DocumentId id, base::Deadline patience, base::Deadline deadline);

 private:
  struct EventEnd {
    core::TopicPartition partition;
    std::int64_t offset = 0;  // whoever follows from here on has seen the delete
  };

  base::Status AwaitWitnesses(DeleteReceipt& receipt, base::Deadline patience);
  base::Result<std::optional<EventEnd>> FindEventEnd(core::DocumentId id);
  void AddRecords(const std::vector<core::KnownRecord>& records, DeleteReceipt& receipt);
  std::optional<std::int64_t> CountKeys(DeleteReceipt& receipt, base::Deadline deadline);

  Ports ports_;
};

}  // namespace millrace::ingest
