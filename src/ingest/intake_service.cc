#include "ingest/intake_service.h"

#include <fmt/core.h>

#include <utility>

namespace millrace::ingest {

using base::Code;
using base::Deadline;
using base::Error;

namespace {

/// How long a failure, which no index change announces, may go unseen by a waiting client.
constexpr auto kStatusPoll = std::chrono::milliseconds(200);

bool IsSettled(const core::DocumentRecord& record, core::Version version) {
  return record.version >= version &&
         (record.status == core::DocumentStatus::kFailed || record.status == core::DocumentStatus::kDeadLettered ||
          record.status == core::DocumentStatus::kDeleted);
}

}  // namespace

IntakeService::IntakeService(Parts parts, std::int64_t max_backlog, base::Metrics& metrics)
    : parts_(parts),
      max_backlog_(max_backlog),
      accepted_(metrics.AddCounter("millrace_documents_accepted_total", "Document versions durably accepted.")),
      deleted_(metrics.AddCounter("millrace_documents_deleted_total", "Documents deleted.")) {}

base::Status IntakeService::CheckBacklog() const {
  if (parts_.relay.backlog() < max_backlog_) return {};
  return Error{Code::kOverloaded,
               fmt::format("{} messages wait for the log, which is the bound; try again later", parts_.relay.backlog()),
               {}};
}

base::Result<std::vector<core::Accepted>> IntakeService::Accept(std::span<const core::NewDocument> documents,
                                                                Deadline deadline) {
  RETURN_IF_ERROR(CheckBacklog());
  auto accepted = parts_.store.Accept(documents, deadline);
  if (!accepted) return accepted;
  parts_.relay.Wake();
  std::size_t versions = 0;
  for (const core::Accepted& one : *accepted) versions += one.kind == core::AcceptKind::kUnchanged ? 0 : 1;
  accepted_.Add(static_cast<double>(versions));
  return accepted;
}

base::Result<SyncOutcome> IntakeService::AcceptAndIndex(core::NewDocument document, Deadline deadline) {
  document.sync = true;
  ASSIGN_OR_RETURN(const auto accepted, Accept({&document, 1}, deadline));
  const core::DocumentId id = accepted.front().id;
  const core::Version version = accepted.front().version;
  const auto still_coming = [id](std::string_view why) {
    return Error{Code::kUnavailable, fmt::format("document {} is accepted and will be indexed later: {}", id, why), {}};
  };

  std::vector<Upload> batch(1);
  batch.front().work.id = id;
  batch.front().work.version = version;
  // A long one is read part by part from the store instead of being cut as a whole in memory.
  if (document.content.size() <= kMaxInlineContentBytes) batch.front().content = std::move(document.content);
  document.content.clear();
  Processed processed = std::move(parts_.processor.Process(std::move(batch), deadline).front());
  switch (processed.kind) {
    case Processed::Kind::kAbandoned: return still_coming(processed.reason);
    case Processed::Kind::kFailed:
    case Processed::Kind::kRefused:
    case Processed::Kind::kRetrying:  // of records of the log only
    case Processed::Kind::kDeadLettered:
      return Error{Code::kInternal, fmt::format("document {} could not be indexed: {}", id, processed.reason), {}};
    case Processed::Kind::kIndexed: break;
    case Processed::Kind::kSkipped: {  // an earlier run of the same request has indexed it, or it was overtaken
      ASSIGN_OR_RETURN(const auto record, parts_.store.Get(id));
      processed.chunks = record.chunk_count;
      break;
    }
  }
  if (const auto refreshed = parts_.index.Refresh({&id, 1}, deadline); !refreshed) {
    return still_coming(refreshed.error().message);
  }
  return SyncOutcome{id, version, processed.chunks};
}

base::Status IntakeService::Delete(core::DocumentId id, Deadline deadline) {
  RETURN_IF_ERROR(parts_.store.Delete(id, deadline));
  deleted_.Add();
  parts_.relay.Wake();
  const base::Status refreshed = parts_.index.Refresh({&id, 1}, deadline);
  if (parts_.cache != nullptr) parts_.cache->Removed(id);
  return refreshed;
}

base::Result<core::DocumentRecord> IntakeService::WaitFor(core::DocumentId id, core::Version version,
                                                          Deadline deadline) {
  std::uint64_t seen = 0;
  auto status_due = Deadline::Expired();
  while (true) {
    const bool searchable = parts_.index.IsSearchable(id, version);
    const bool give_up = deadline.expired() || parts_.stop.stopping();
    if (searchable || status_due.expired() || give_up) {
      auto record = parts_.store.Get(id);
      if (!record || searchable || IsSettled(*record, version) || give_up) return record;
      status_due = Deadline::After(kStatusPoll);
    }
    parts_.index.WaitForChange(seen, deadline.EarlierOf(status_due));
  }
}

}  // namespace millrace::ingest
