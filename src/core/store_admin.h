#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/document.h"

namespace millrace::core {

/// Names this store in the headers of its records (`millrace-store`), so that it knows its own (DELIVERY §3).
struct StoreIdentity {
  std::string id;      // random, made once
  std::int64_t epoch;  // raised when a backup is restored
};

/// How many documents may have been accepted between a backup and its restoration.
inline constexpr std::int64_t kEpochGap = 1'000'000;

struct Stalled {
  DocumentId id = 0;
  Version version = 0;
  Position position;  // empty topic: never delivered
  bool retry_overdue = false;
};

/// So long after the instant that FindStalled asks for, progress is believed. What seems to be later was written by a
/// clock that was ahead, and must not hold the sweeper back for as long as that.
inline constexpr std::chrono::minutes kProgressBelieved{2};

/// What the process that owns the store does beside clients and pipeline. Thread-safe.
class StoreAdmin {
 public:
  virtual ~StoreAdmin() = default;

  virtual base::Result<StoreIdentity> Identity() = 0;

  /// After the store went back to an older state, before anything works on it: raises the epoch, and leaves kEpochGap
  /// ids out, so that no new document gets an id that one had which is lost. The identity from now on.
  virtual base::Result<StoreIdentity> BeginEpoch() = 0;

  /// Records `model` (name, precision, dimensions in one line) with the first vectors; kConflict, naming both, when the
  /// store's vectors are of another one.
  virtual base::Status ClaimModel(const std::string& model) = 0;

  /// Removes chunks of overtaken versions after 60 s and their contents after 24 h, and requests with an
  /// idempotency key kRequestKept after they came, in short transactions. How many rows went.
  virtual base::Result<std::int64_t> RemoveExpired(Timestamp now) = 0;

  /// Documents `queued` or `processing` without progress since `before` (up to kProgressBelieved after it), or
  /// `retrying` and due before it, without an unsent row of their own on any topic but events; those beyond `after`,
  /// ascending id.
  virtual base::Result<std::vector<Stalled>> FindStalled(Timestamp before, DocumentId after, std::size_t limit) = 0;

  /// The largest content in bytes that the store takes, where it has a bound of its own.
  virtual std::optional<std::int64_t> MaxContentBytes() const { return std::nullopt; }

  /// A write that reaches the disk; for health.
  virtual base::Status Probe(std::chrono::milliseconds timeout) = 0;
};

}  // namespace millrace::core
