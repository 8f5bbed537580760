#include "core/document.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <array>
#include <utility>

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

/// Takes the parts of a time off the front of a text, and remembers when one was not there.
struct TimeReader {
  std::string_view text;
  bool ok = true;

  bool NextIs(std::string_view characters) const {
    return !text.empty() && characters.find(text.front()) != std::string_view::npos;
  }
  void Expect(std::string_view characters) {
    ok = ok && NextIs(characters);
    if (ok) text.remove_prefix(1);
  }
  int Digits(int count, int most) {
    int value = 0;
    for (int i = 0; i < count; ++i) {
      const char digit = text.empty() ? ' ' : text.front();
      Expect("0123456789");
      value = 10 * value + (digit - '0');
    }
    ok = ok && value <= most;
    return value;
  }
  std::chrono::milliseconds Fraction() {
    int fraction = 0;
    for (int unit = 100; NextIs("0123456789"); unit /= 10) fraction += unit * Digits(1, 9);
    return std::chrono::milliseconds(fraction);
  }
  /// What local time is ahead of UTC.
  std::chrono::minutes Zone() {
    if (!NextIs("+-")) {
      Expect("Zz");
      return std::chrono::minutes(0);
    }
    const int sign = NextIs("-") ? -1 : 1;
    Expect("+-");
    const int hours = Digits(2, 23);
    Expect(":");
    return std::chrono::minutes(sign * (60 * hours + Digits(2, 59)));
  }
};

}  // namespace

std::optional<Timestamp> ParseTimestamp(std::string_view text) {
  TimeReader reader{text};
  const std::chrono::year year(reader.Digits(4, 9999));
  reader.Expect("-");
  const std::chrono::month month(static_cast<unsigned>(reader.Digits(2, 12)));
  reader.Expect("-");
  const std::chrono::year_month_day date(year, month, std::chrono::day(static_cast<unsigned>(reader.Digits(2, 31))));
  reader.Expect("Tt");
  const std::chrono::hours hours(reader.Digits(2, 23));
  reader.Expect(":");
  const std::chrono::minutes minutes(reader.Digits(2, 59));
  reader.Expect(":");
  const std::chrono::seconds seconds(reader.Digits(2, 60));  // 60: a leap second
  std::chrono::milliseconds fraction(0);
  if (reader.NextIs(".")) {
    reader.Expect(".");
    reader.ok = reader.ok && reader.NextIs("0123456789");
    fraction = reader.Fraction();
  }
  const std::chrono::minutes ahead = reader.Zone();
  if (!reader.ok || !reader.text.empty() || !date.ok()) return std::nullopt;
  const Timestamp time = std::chrono::sys_days(date) + hours + minutes + seconds + fraction - ahead;
  if (time < Timestamp()) return std::nullopt;
  return time;
}

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
