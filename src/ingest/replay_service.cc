#include "ingest/replay_service.h"

#include <utility>

#include "ingest/failure_headers.h"
#include "ingest/upload_message.h"

namespace millrace::ingest {

base::Result<ReplayTally> ReplayService::Replay(std::vector<core::LogRecord> records,
                                                std::optional<core::DocumentId> only, bool dry_run,
                                                base::Deadline deadline) {
  ReplayTally tally;
  std::vector<core::LogRecord> copies;
  for (core::LogRecord& record : records) {
    ++tally.read;
    const auto upload = DecodeUpload(record, store_);
    if (!upload) {
      ++tally.unreadable;
      continue;
    }
    const core::Work& work = upload->work;
    if (only && work.id != *only) {
      ++tally.other;
      continue;
    }
    if (work.version > 0) {  // of foreign records the fence alone knows
      const auto document = documents_.Get(work.id);
      if (!document && document.error().code != base::Code::kNotFound) return document.error();
      if (!document) ++tally.gone;
      const bool settled = document && (work.version <= document->indexed_version || work.version < document->version);
      if (settled) ++tally.up_to_date;
      if (!document || settled) continue;
    }
    ++tally.sent;
    if (!dry_run) copies.push_back(ReplayedRecord(std::move(record), work, store_));
  }
  if (copies.empty()) return tally;
  ASSIGN_OR_RETURN(const auto outcomes, producer_.Produce(std::move(copies), deadline));
  for (const auto& outcome : outcomes) {
    if (!outcome) return outcome.error();
  }
  return tally;
}

}  // namespace millrace::ingest
