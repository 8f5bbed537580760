#include "adapters/mysql/accept_groups.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

namespace millrace::mysql {
namespace {

constexpr std::size_t kFewDocuments = 16, kFewBytes = 64 << 10;  // of one call

// One group waits for the disk, and one is put together.
constexpr AcceptGroups::Groups::Bounds kBounds{256, 2 << 20, 2};

/// A call that is about to be late would make its group late.
constexpr auto kPatience = std::chrono::seconds(2);

/// Nobody's locks are in the way of a new document without a key; another one might hold up its whole group.
bool WaitsForNobody(const core::NewDocument& document) { return !document.key && !document.part; }

std::size_t BytesOf(std::span<const core::NewDocument> documents) {
  std::size_t bytes = 0;
  for (const core::NewDocument& document : documents) bytes += document.title.size() + document.content.size();
  return bytes;
}

}  // namespace

AcceptGroups::AcceptGroups(Groups::Run run) : run_(run), groups_(kBounds, std::move(run)) {}

AcceptGroups::Groups::Answers AcceptGroups::Accept(std::span<const core::NewDocument> documents,
                                                   base::Deadline deadline) {
  const std::size_t bytes = BytesOf(documents);
  const bool shares = documents.size() <= kFewDocuments && bytes <= kFewBytes && deadline.remaining() >= kPatience &&
                      std::all_of(documents.begin(), documents.end(), WaitsForNobody);
  return shares ? groups_.Ask(documents, bytes, deadline) : run_(documents, deadline);
}

}  // namespace millrace::mysql
