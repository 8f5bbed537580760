#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "core/document.h"

namespace millrace::core {

inline constexpr std::chrono::hours kRequestKept{24};              // from its first arrival
inline constexpr std::size_t kMaxKeptBody = std::size_t{1} << 20;  // of an answer, bytes

/// An answer as it was first given.
struct KeptAnswer {
  int status = 200;
  std::string content_type;
  std::string location;  // empty: none
  std::string body;      // at most kMaxKeptBody

  friend bool operator==(const KeptAnswer&, const KeptAnswer&) = default;
};

/// A request that comes with an idempotency key.
struct RequestClaim {
  std::string id;           // of who asks and their key: SHA-256, lower-case hex
  std::string fingerprint;  // of all that is asked: SHA-256, lower-case hex
  std::string owner;        // the process that would run it (Instance::id)
  std::string instead_of;   // a process that has it and will not end it; empty: of none
};

/// What became of a claim.
struct RequestState {
  enum class Kind {
    kOurs,      // the claimant runs it, and ends it with Finish or Release
    kUnderWay,  // `owner` runs it since `begun_at`
    kAnswered,  // with `answer`
    kMismatch,  // the same key came with another request
  };
  Kind kind = Kind::kOurs;
  std::string owner;
  Timestamp begun_at;
  KeptAnswer answer;
};

/// A request as it is kept.
struct RequestRow {
  std::string fingerprint;
  std::string owner;  // empty: nobody runs it
  Timestamp begun_at, created_at;
  std::optional<KeptAnswer> answer;

  bool expired(Timestamp now) const { return created_at + kRequestKept <= now; }
};

/// What a claim meets. REQUIRES: the row has not expired.
RequestState Judge(const RequestRow& row, const RequestClaim& claim);

/// Requests by idempotency key, so that each is carried out once (ADR 11). DocumentStore::Accept notes what it accepted
/// for a request in the transaction that accepts it; a request that runs again is given the same documents. Deleting a
/// document forgets the answers that may show it. Rows go kRequestKept after they came (StoreAdmin::RemoveExpired).
/// Thread-safe; every write is durable when it returns.
class IdempotencyKeys {
 public:
  virtual ~IdempotencyKeys() = default;

  /// The claim's owner takes a request that is new, free, its own already or `instead_of`'s.
  virtual base::Result<RequestState> Begin(const RequestClaim& claim, base::Deadline deadline) = 0;

  /// Keeps the answer, unless a document of the request is deleted already: then as Release. Nothing when another took
  /// it over.
  virtual base::Status Finish(const std::string& id, const std::string& owner, const KeptAnswer& answer,
                              base::Deadline deadline) = 0;

  /// It may run again: one that accepted a document stays, for the same request only; any other goes. Nothing when
  /// another took it over.
  virtual base::Status Release(const std::string& id, const std::string& owner, base::Deadline deadline) = 0;
};

}  // namespace millrace::core
