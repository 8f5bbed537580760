#pragma once

#include <atomic>
#include <memory>

#include "http/place.h"
#include "http/services.h"

namespace millrace::http {

/// The `wait=` of requests. Each wait holds a worker, so only so many wait at a time; one too many is answered as if
/// its time had run out. Thread-safe.
class Waiting {
 public:
  explicit Waiting(const Services& services)
      : intake_(services.intake), search_(services.search), free_(static_cast<int>(services.max_waiting)) {}

  /// Holds one of the places while it lives.
  class Place : public http::Place {
   public:
    explicit Place(Waiting& waiting) : http::Place(waiting.free_) {}
  };

  /// The record once that version is settled, or as it is when `until` passes, the client leaves or the server drains.
  base::Result<core::DocumentRecord> For(const core::Accepted& accepted, base::Deadline until,
                                         const Request& request) const;

  /// Searchable here, or never going to be; and the record knows it.
  bool IsSettled(const core::DocumentRecord& record, core::Version version) const;

 private:
  ingest::Intake& intake_;
  search::Search& search_;
  std::atomic<int> free_;
};

}  // namespace millrace::http
