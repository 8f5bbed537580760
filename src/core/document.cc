#include "core/document.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <array>
#include <utility>

#include "base/timestamp.h"

namespace millrace::core {
namespace {

constexpr std::array<std::pair<DocumentStatus, std::string_view>, 8> kStatusNames = {{
    {DocumentStatus::kQueued, "queued"},
    {DocumentStatus::kProcessing, "processing"},
    {DocumentStatus::kRetrying, "retrying"},
    {DocumentStatus::kIndexed, "indexed"},
    {DocumentStatus::kFailed, "failed"},
    {DocumentStatus::kDeadLettered, "dead_lettered"},
    {DocumentStatus::kSuperseded, "superseded"},
    {DocumentStatus::kDeleted, "deleted"},
}};

constexpr std::array<std::pair<ChunkStrategy, std::string_view>, 3> kStrategyNames = {{
    {ChunkStrategy::kSentence, "sentence"},
    {ChunkStrategy::kPassage, "passage"},
    {ChunkStrategy::kWhole, "whole"},
}};

template <typename Table, typename Value>
std::string_view NameOf(const Table& table, Value value) {
  for (const auto& [candidate, name] : table) {
    if (candidate == value) return name;
  }
  return "unknown";
}

template <typename Value, size_t kSize>
std::optional<Value> ValueOf(const std::array<std::pair<Value, std::string_view>, kSize>& table,
                             std::string_view name) {
  for (const auto& [value, candidate] : table) {
    if (candidate == name) return value;
  }
  return std::nullopt;
}

std::string Format(Timestamp time, char separator) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  // Not through system_clock, whose nanoseconds end in 2262.
  const std::tm utc = fmt::gmtime(static_cast<std::time_t>(seconds.time_since_epoch().count()));
  return fmt::format("{:%Y-%m-%d}{}{:%H:%M:%S}", utc, separator, utc);
}

}  // namespace

std::optional<Timestamp> ParseTimestamp(std::string_view text) { return base::ParseTimestamp(text); }

std::string FormatTimestamp(Timestamp time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{}.{:03}Z", Format(time, 'T'), (time - seconds).count());
}
std::string FormatSqlTimestamp(Timestamp time) { return Format(time, ' '); }
std::string FormatMessageTimestamp(Timestamp time) { return Format(time, 'T'); }

std::string_view StatusName(DocumentStatus status) { return NameOf(kStatusNames, status); }
std::optional<DocumentStatus> ParseStatus(std::string_view name) { return ValueOf(kStatusNames, name); }
std::string_view StrategyName(ChunkStrategy strategy) { return NameOf(kStrategyNames, strategy); }
std::optional<ChunkStrategy> ParseStrategy(std::string_view name) { return ValueOf(kStrategyNames, name); }

DocumentRecord RecordOf(const NewDocument& document, const Accepted& accepted) {
  DocumentRecord record;
  record.id = accepted.id;
  record.key = document.key;
  record.title = document.title;
  record.metadata = document.metadata;
  record.chunking = document.chunking;
  record.version = accepted.version;
  record.content_bytes = static_cast<std::int64_t>(document.content.size());
  record.created_at = record.updated_at = accepted.created_at.value();
  record.steps.received = accepted.created_at;
  return record;
}

}  // namespace millrace::core
