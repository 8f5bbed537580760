#pragma once

#include <span>

#include "adapters/mysql/call_groups.h"
#include "core/document.h"

namespace millrace::mysql {

/// Accepts documents, of small calls those that come together in one transaction. Thread-safe.
class AcceptGroups {
 public:
  using Groups = CallGroups<core::NewDocument, core::Accepted>;

  /// `run` accepts documents in one transaction, all or none.
  explicit AcceptGroups(Groups::Run run);

  /// As `run` does; see CallGroups.
  Groups::Answers Accept(std::span<const core::NewDocument> documents, base::Deadline deadline);

 private:
  const Groups::Run run_;
  Groups groups_;
};

}  // namespace millrace::mysql
