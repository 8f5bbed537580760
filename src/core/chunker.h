#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/chunk.h"
#include "core/document.h"
#include "core/embedder.h"

namespace millrace::core {

/// Cuts one document into chunks while it streams through. The chunks depend on the content alone, not on how it is cut
/// into parts, so that a run that died can go on from a chunk index. Each chunk's text is the exact slice of its range
/// and fits the model. Content that is not blank gives at least one chunk. Holds at most 64 KiB of text between calls.
/// One thread at a time.
class Chunker {
 public:
  /// Throws std::runtime_error when ICU's data is missing. `tokenizer` must outlive the chunker.
  Chunker(const Chunking& chunking, const Tokenizer& tokenizer);
  ~Chunker();

  /// The chunks that `part` completes. Parts end between code points; `last` ends the document.
  std::vector<ChunkDraft> Feed(std::string_view part, bool last);

  /// After the last part: what of the content is not in the chunks (strategy `whole`).
  const std::optional<std::string>& warning() const;

 private:
  class Strategy;
  class Whole;
  class Units;
  std::unique_ptr<Strategy> strategy_;
};

}  // namespace millrace::core
