#pragma once

#include <string>
#include <string_view>

#include "core/document.h"

namespace millrace::core {

/// What a client or a foreign record says a version is.
struct VersionDraft {
  std::string_view title, content;
  std::string metadata;  // JSON
  Chunking chunking;

  /// Views the document, which must outlive it.
  static VersionDraft Of(const NewDocument& document);

  /// SHA-256 of all of it: equal documents are a no-op.
  std::string IdentityHash() const;
};

}  // namespace millrace::core
