#pragma once

#include <string_view>

#include "base/result.h"

namespace millrace::ingest {

/// What to do about a failure; the one place that decides (docs/guarantees.md shows it as a table).
enum class FailureClass {
  kPermanent,  // the same record will fail again: dead letter at once
  kTransient,  // this document may succeed later: retry topics, then dead letter
  kOutage,     // nothing could succeed now: wait, take no more, blame no document
};

/// `stage` as in core::DocumentError.
FailureClass Classify(base::Code code, std::string_view stage);

std::string_view FailureClassName(FailureClass failure);  // `permanent`, `transient`, `outage`

}  // namespace millrace::ingest
