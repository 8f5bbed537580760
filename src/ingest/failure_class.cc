#include "ingest/failure_class.h"

namespace millrace::ingest {

FailureClass Classify(base::Code code, std::string_view stage) {
  switch (code) {
    case base::Code::kOverloaded:
    case base::Code::kUnavailable:
    case base::Code::kDeadlineExceeded: return FailureClass::kOutage;
    case base::Code::kInvalidArgument:
    case base::Code::kTooLarge: return FailureClass::kPermanent;
    // A record that names what is not there will not find it later; anything else that is missing may have been on its
    // way.
    case base::Code::kNotFound: return stage == "decode" ? FailureClass::kPermanent : FailureClass::kTransient;
    case base::Code::kConflict:  // the state moved on meanwhile
    case base::Code::kCorrupt:   // another read may be whole
    case base::Code::kInternal: return FailureClass::kTransient;
  }
  return FailureClass::kTransient;
}

std::string_view FailureClassName(FailureClass failure) {
  switch (failure) {
    case FailureClass::kPermanent: return "permanent";
    case FailureClass::kTransient: return "transient";
    case FailureClass::kOutage: return "outage";
  }
  return "transient";
}

}  // namespace millrace::ingest
