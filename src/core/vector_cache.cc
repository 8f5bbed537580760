#include "core/vector_cache.h"

#include <charconv>

namespace millrace::core {
namespace {

constexpr std::string_view kBeforeId = "emb:doc", kBeforeIndex = ":chunk";

/// Takes a number off the front of `text`; false when there is none.
template <typename Number>
bool TakeNumber(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

std::string VectorKey(DocumentId id, std::int32_t chunk_index) {
  std::string key(kBeforeId);
  key += std::to_string(id);
  key += kBeforeIndex;
  return key += std::to_string(chunk_index);
}

std::optional<DocumentId> ParseVectorKey(std::string_view key) {
  DocumentId id = 0;
  std::int32_t index = 0;
  if (!key.starts_with(kBeforeId)) return std::nullopt;
  key.remove_prefix(kBeforeId.size());
  if (!TakeNumber(key, id) || id == 0 || !key.starts_with(kBeforeIndex)) return std::nullopt;
  key.remove_prefix(kBeforeIndex.size());
  if (!TakeNumber(key, index) || !key.empty()) return std::nullopt;
  return id;
}

}  // namespace millrace::core
