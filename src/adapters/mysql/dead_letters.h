#pragma once

#include <span>
#include <vector>

#include "adapters/mysql/engine.h"
#include "core/dead_letters.h"

namespace millrace::mysql {

class DeadLetterList final : public core::DeadLetters {
 public:
  explicit DeadLetterList(Engine& engine) : engine_(engine) {}

  base::Result<std::vector<core::DeadLetter>> List(const core::DeadLetterQuery& query) override;
  base::Result<std::int64_t> Count(const core::DeadLetterQuery& query) override;
  base::Result<std::vector<core::DeadLetterReason>> Reasons() override;
  base::Result<core::RecordPayload> Payload(core::DeadLetterId id) override;
  base::Status Redrive(core::DeadLetterId id, const core::LogRecord& record, base::Deadline deadline) override;
  base::Result<std::int64_t> Purge(std::span<const core::DeadLetterId> ids, base::Deadline deadline) override;

 private:
  Engine& engine_;
};

}  // namespace millrace::mysql
