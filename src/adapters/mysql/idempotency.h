#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>

#include "adapters/mysql/engine.h"
#include "core/idempotency.h"

namespace millrace::mysql {

class RequestRows final : public core::IdempotencyKeys {
 public:
  explicit RequestRows(Engine& engine) : engine_(engine) {}

  base::Result<core::RequestState> Begin(const core::RequestClaim& claim, base::Deadline deadline) override;
  base::Status Finish(const std::string& id, const std::string& owner, const core::KeptAnswer& answer,
                      base::Deadline deadline) override;
  base::Status Release(const std::string& id, const std::string& owner, base::Deadline deadline) override;

 private:
  Engine& engine_;
};

/// The part's request and line as one value, to look answers up by.
using AcceptedParts = std::map<std::pair<std::string, std::int64_t>, core::Accepted>;

/// Locks the requests that bring these documents and finds what was accepted for them before; kConflict when one was
/// not begun.
base::Result<AcceptedParts> FindAccepted(Connection& connection, std::span<const core::NewDocument> documents);
void NoteAccepted(Connection& connection, std::span<const core::NewDocument> documents,
                  std::span<const core::Accepted> accepted);

/// Answers that may show the document; the requests stay, and may run again.
void ForgetAnswers(Connection& connection, core::DocumentId id);

/// At most `limit` requests that came until `until`. How many rows went.
std::int64_t RemoveRequests(Connection& connection, core::Timestamp until, std::int64_t limit);

}  // namespace millrace::mysql
