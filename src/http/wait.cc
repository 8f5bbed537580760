#include "http/wait.h"

namespace millrace::http {

base::Result<core::DocumentRecord> Waiting::For(const core::Accepted& accepted, base::Deadline until,
                                                const Request& request) const {
  while (true) {
    const auto slice = base::Deadline::After(Request::kNoticeEvery).EarlierOf(until);
    auto record = intake_.WaitFor(accepted.id, accepted.version, slice);
    if (!record || until.expired() || request.should_hurry() || IsSettled(*record, accepted.version)) return record;
  }
}

bool Waiting::IsSettled(const core::DocumentRecord& record, core::Version version) const {
  const bool over = record.status == core::DocumentStatus::kFailed ||
                    record.status == core::DocumentStatus::kDeadLettered ||
                    record.status == core::DocumentStatus::kDeleted;
  return over || (record.indexed_version >= version && search_.IsSearchable(record.id, version));
}

}  // namespace millrace::http
