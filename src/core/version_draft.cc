#include "core/version_draft.h"

#include <fmt/core.h>

#include "core/metadata.h"
#include "core/sha256.h"

namespace millrace::core {

VersionDraft VersionDraft::Of(const NewDocument& document) {
  return {document.title, document.content, FormatMetadata(document.metadata), document.chunking};
}

std::string VersionDraft::IdentityHash() const {
  Sha256 hash;
  hash.Update(fmt::format("{}:{}:{}:{}:{}:{}\n", title.size(), metadata.size(), content.size(),
                          StrategyName(chunking.strategy), chunking.max_tokens, chunking.overlap_tokens));
  hash.Update(title);
  hash.Update(metadata);
  hash.Update(content);
  return hash.HexDigest();
}

}  // namespace millrace::core
