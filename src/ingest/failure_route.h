#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/effect_store.h"
#include "core/store_admin.h"
#include "ingest/failure_class.h"
#include "ingest/retry_topics.h"
#include "ingest/upload_message.h"

namespace millrace::ingest {

/// A failure as it was met: what went wrong, and of which class.
struct Failed {
  core::DocumentError error;
  FailureClass failure_class = FailureClass::kPermanent;  // never kOutage: that is waited for
};

/// Where a record that failed goes: the next retry topic, or the dead letters. Pure; thread-safe.
class FailureRoute {
 public:
  FailureRoute(core::StoreIdentity store, std::vector<RetryTopic> topics)
      : store_(std::move(store)), topics_(std::move(topics)) {}

  struct Outcome {
    core::Failure failure;              // of a version; its `dead_letter` alone counts when `version` is 0
    const RetryTopic* topic = nullptr;  // where it waits, unless it is a dead letter
  };

  /// `version`: what the record became; 0: nothing.
  Outcome Decide(const Upload& upload, core::Version version, const Failed& failed, core::Timestamp now) const;

 private:
  const core::StoreIdentity store_;
  const std::vector<RetryTopic> topics_;
};

}  // namespace millrace::ingest
