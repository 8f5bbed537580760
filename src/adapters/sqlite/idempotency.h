#pragma once

#include <optional>
#include <string>

#include "adapters/sqlite/engine.h"
#include "core/idempotency.h"

namespace millrace::sqlite {

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

/// What was accepted for this part before; kConflict when its request was not begun.
base::Result<std::optional<core::Accepted>> FindAccepted(Connection& connection, const core::RequestPart& part);
void NoteAccepted(Connection& connection, const core::RequestPart& part, const core::Accepted& accepted);

/// Answers that may show the document; the requests stay, and may run again.
void ForgetAnswers(Connection& connection, core::DocumentId id);

/// At most `limit` requests that came until `until`. How many rows went.
std::int64_t RemoveRequests(Connection& connection, core::Timestamp until, std::int64_t limit);

}  // namespace millrace::sqlite
