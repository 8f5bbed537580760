#include "index/exact_vector_index.h"

#include <fmt/core.h>

#include <tuple>
#include <utility>

#include "index/kernels.h"
#include "index/quantize.h"
#include "index/scan.h"

namespace millrace::index {
namespace {

constexpr std::size_t kMapNodeBytes = 4 * sizeof(void*);

base::Error Invalid(std::string message) { return {base::Code::kInvalidArgument, std::move(message), {}}; }

std::size_t HeapBytes(const std::string& text) { return text.capacity() < sizeof(std::string) ? 0 : text.capacity(); }

std::size_t HeapBytes(const core::MetadataScalar& scalar) {
  const std::string* text = std::get_if<std::string>(&scalar);
  return text == nullptr ? 0 : HeapBytes(*text);
}

std::size_t HeapBytes(const core::MetadataValue& value) {
  if (const auto* scalar = std::get_if<core::MetadataScalar>(&value)) return HeapBytes(*scalar);
  std::size_t bytes = 0;
  for (const core::MetadataScalar& scalar : std::get<std::vector<core::MetadataScalar>>(value)) {
    bytes += sizeof(scalar) + HeapBytes(scalar);
  }
  return bytes;
}

std::size_t HeapBytes(const Document& document) {
  std::size_t bytes = HeapBytes(document.title) + (document.key ? HeapBytes(*document.key) : 0);
  for (const auto& [name, value] : document.metadata) {
    bytes += kMapNodeBytes + sizeof(core::Metadata::value_type) + HeapBytes(name) + HeapBytes(value);
  }
  return bytes;
}

std::shared_ptr<Document> MakeDocument(core::IndexEntry& entry) {
  auto document = std::make_shared<Document>();
  document->id = entry.id;
  document->title = std::move(entry.title);
  document->key = std::move(entry.key);
  document->metadata = std::move(entry.metadata);
  document->chunks = entry.chunk_ids.size();
  document->bytes = sizeof(Document) + sizeof(ExtentRef) + HeapBytes(*document);
  return document;
}

}  // namespace

ExactVectorIndex::ExactVectorIndex() : ExactVectorIndex(*SupportedKernels().front()) {}

ExactVectorIndex::ExactVectorIndex(const Kernel& kernel) : kernel_(kernel) {}

std::string_view ExactVectorIndex::kernel_name() const { return kernel_.name; }

base::Status ExactVectorIndex::Validate(const std::vector<core::IndexEntry>& batch) const {
  std::size_t dimension = rows_.dimension();
  for (const core::IndexEntry& entry : batch) {
    if (!entry.present) continue;
    const std::size_t chunks = entry.chunk_ids.size();
    if (dimension == 0 && chunks > 0) dimension = entry.vectors.size() / chunks;
    if (chunks > 0 && (dimension == 0 || dimension > kMaxDimension)) {
      return Invalid(fmt::format("document {}: a vector has 1 to {} dimensions", entry.id, kMaxDimension));
    }
    if (entry.vectors.size() != chunks * dimension) {
      return Invalid(fmt::format("document {}: {} numbers are not the vectors of {} chunks in {} dimensions", entry.id,
                                 entry.vectors.size(), chunks, dimension));
    }
    if (!AllFinite(entry.vectors)) return Invalid(fmt::format("document {}: a vector is not finite", entry.id));
  }
  return {};
}

base::Status ExactVectorIndex::Apply(std::vector<core::IndexEntry> batch) {
  const std::lock_guard lock(apply_mutex_);
  RETURN_IF_ERROR(Validate(batch));
  Directory staged;
  for (core::IndexEntry& entry : batch) Stage(std::move(entry), staged);
  if (staged.empty()) return {};
  rows_.Compact();
  rows_.Publish();
  Commit(std::move(staged));
  return {};
}

void ExactVectorIndex::Stage(core::IndexEntry entry, Directory& staged) {
  // The directory is read without its lock: only this thread, which holds apply_mutex_, changes it.
  const auto newest = [&]() -> const Held* {
    if (const auto it = staged.find(entry.id); it != staged.end()) return &it->second;
    if (const auto it = directory_.find(entry.id); it != directory_.end()) return &it->second;
    return nullptr;
  }();
  const Held held = newest != nullptr ? *newest : Held{};
  const auto rank = std::tuple(entry.version, entry.revision, !entry.present);
  if (rank <= std::tuple(held.version, held.revision, held.document == nullptr)) return;

  if (held.document != nullptr) rows_.Retire(*held.document);
  Held next = {entry.version, entry.revision, nullptr};
  if (entry.present) {
    next.document = MakeDocument(entry);
    rows_.Add(next.document, entry.chunk_ids, entry.vectors);
  }
  staged.insert_or_assign(entry.id, std::move(next));
}

void ExactVectorIndex::Commit(Directory staged) {
  const auto count = [this](const Held& held, std::int64_t sign) {
    if (held.document == nullptr) return;
    size_.documents += sign;
    size_.chunks += sign * static_cast<std::int64_t>(held.document->chunks);
    document_bytes_ += sign * static_cast<std::int64_t>(held.document->bytes);
  };
  const std::lock_guard lock(directory_mutex_);
  for (auto& [id, next] : staged) {
    Held& held = directory_[id];
    count(held, -1);
    count(next, +1);
    held = std::move(next);
  }
  const std::size_t entry_bytes = directory_.size() * (kMapNodeBytes + sizeof(Directory::value_type));
  size_.bytes = document_bytes_ + static_cast<std::int64_t>(rows_.bytes() + entry_bytes);
}

base::Result<std::vector<core::ScoredChunk>> ExactVectorIndex::Search(const core::VectorQuery& query) const {
  const std::shared_ptr<const Snapshot> snapshot = rows_.snapshot();
  if (snapshot->dimension == 0) return std::vector<core::ScoredChunk>();
  if (query.vector.size() != snapshot->dimension) {
    return Invalid(fmt::format("the query has {} dimensions, the index {}", query.vector.size(), snapshot->dimension));
  }
  if (!AllFinite(query.vector)) return Invalid("the query vector is not finite");
  if (query.top_k == 0) return std::vector<core::ScoredChunk>();
  return Scan(*snapshot, kernel_, query).Run();
}

base::Result<core::IndexedVersion> ExactVectorIndex::Find(core::DocumentId id) const {
  const std::lock_guard lock(directory_mutex_);
  const auto it = directory_.find(id);
  if (it == directory_.end() || it->second.document == nullptr) return core::IndexedVersion{id, 0, 0};
  return core::IndexedVersion{id, it->second.version, it->second.revision};
}

base::Result<std::vector<core::IndexedVersion>> ExactVectorIndex::ListVersions(core::DocumentId after,
                                                                               std::size_t limit) const {
  std::vector<core::IndexedVersion> versions;
  const std::lock_guard lock(directory_mutex_);
  for (auto it = directory_.upper_bound(after); it != directory_.end() && versions.size() < limit; ++it) {
    const auto& [id, held] = *it;
    if (held.document != nullptr) versions.push_back({id, held.version, held.revision});
  }
  return versions;
}

core::IndexSize ExactVectorIndex::size() const {
  const std::lock_guard lock(directory_mutex_);
  return size_;
}

}  // namespace millrace::index
