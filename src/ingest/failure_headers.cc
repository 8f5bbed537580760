#include "ingest/failure_headers.h"

#include <fmt/core.h>

#include <charconv>
#include <limits>
#include <string>
#include <utility>

#include "base/utf8.h"
#include "base/version.h"
#include "core/record_headers.h"

namespace millrace::ingest {
namespace {

constexpr char kVersion[] = "millrace-version";
constexpr char kStore[] = "millrace-store";
constexpr char kOriginalTopic[] = "millrace-original-topic";
constexpr char kOriginalPartition[] = "millrace-original-partition";
constexpr char kOriginalOffset[] = "millrace-original-offset";
constexpr char kOriginalTimestamp[] = "millrace-original-timestamp";  // times: milliseconds since 1970
constexpr char kAttempt[] = "millrace-attempt";
constexpr char kFirstFailure[] = "millrace-first-failure";
constexpr char kNotBefore[] = "millrace-not-before";
constexpr char kErrorClass[] = "millrace-error-class";
constexpr char kErrorCode[] = "millrace-error-code";
constexpr char kErrorMessage[] = "millrace-error-message";
constexpr char kErrorStage[] = "millrace-error-stage";
constexpr char kWorkerVersion[] = "millrace-worker-version";
constexpr char kDeadLetter[] = "millrace-dead-letter";

constexpr std::size_t kMaxMessageCharacters = 1000;      // of an error, so that a copy is hardly longer than its record
constexpr std::int64_t kLastTime = 253'402'300'799'999;  // the year 9999: times of clocks, not of attackers

std::string StoreValue(const core::StoreIdentity& store) { return fmt::format("{}/{}", store.id, store.epoch); }

bool IsOfEarlierEpoch(std::string_view owner, const core::StoreIdentity& store) {
  if (!owner.starts_with(store.id) || !owner.substr(store.id.size()).starts_with('/')) return false;
  owner.remove_prefix(store.id.size() + 1);
  std::int64_t epoch = 0;
  const auto [end, error] = std::from_chars(owner.data(), owner.data() + owner.size(), epoch);
  return error == std::errc{} && end == owner.data() + owner.size() && epoch > 0 && epoch < store.epoch;
}

const std::string* Find(const core::LogRecord& record, std::string_view name) {
  const std::string* value = nullptr;
  for (const core::RecordHeader& header : record.headers) {
    if (header.name == name) value = &header.value;
  }
  return value;
}

/// Within [low, high], decimal digits only.
std::optional<std::int64_t> Integer(const core::LogRecord& record, std::string_view name, std::int64_t low,
                                    std::int64_t high = std::numeric_limits<std::int64_t>::max()) {
  const std::string* text = Find(record, name);
  if (text == nullptr) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size() || value < low || value > high) return std::nullopt;
  return value;
}

std::optional<core::Timestamp> Time(const core::LogRecord& record, std::string_view name) {
  const auto value = Integer(record, name, 0, kLastTime);
  if (!value) return std::nullopt;
  return core::Timestamp(std::chrono::milliseconds(*value));
}

std::string Text(core::Timestamp time) { return std::to_string(time.time_since_epoch().count()); }

void KeepForeign(std::vector<core::RecordHeader>& headers) {
  std::erase_if(headers, [](const core::RecordHeader& header) { return IsOurHeader(header.name); });
}

void AddOriginal(std::vector<core::RecordHeader>& headers, const core::Position& original, core::Timestamp timestamp) {
  headers.push_back({kOriginalTopic, original.topic});
  headers.push_back({kOriginalPartition, std::to_string(original.partition)});
  headers.push_back({kOriginalOffset, std::to_string(original.offset)});
  headers.push_back({kOriginalTimestamp, Text(timestamp)});
}

void AddIdentity(std::vector<core::RecordHeader>& headers, core::Version version, const core::StoreIdentity& store) {
  if (version > 0) headers.push_back({kVersion, std::to_string(version)});
  headers.push_back({kStore, StoreValue(store)});
}

}  // namespace

bool IsOurHeader(std::string_view name) { return core::IsOwnHeader(name); }

std::vector<core::RecordHeader> OwnHeaders(core::Version version, const core::StoreIdentity& store) {
  std::vector<core::RecordHeader> headers;
  AddIdentity(headers, version, store);
  return headers;
}

FailureTrace ReadTrace(const core::LogRecord& record, const core::StoreIdentity& store) {
  FailureTrace trace;
  trace.original = record.position;
  trace.original_timestamp = record.timestamp;
  const std::string* owner = Find(record, kStore);
  trace.ours = owner != nullptr && *owner == StoreValue(store);
  trace.of_earlier_epoch = owner != nullptr && IsOfEarlierEpoch(*owner, store);
  const core::Version version = Integer(record, kVersion, 1).value_or(0);
  if (trace.ours) trace.version = version;
  // What was no version of anything, such as an edited dead letter, is news where it lies.
  if (!trace.ours && !(trace.of_earlier_epoch && version > 0)) return trace;
  const std::string* topic = Find(record, kOriginalTopic);
  const auto partition = Integer(record, kOriginalPartition, 0, std::numeric_limits<std::int32_t>::max());
  const auto offset = Integer(record, kOriginalOffset, 0);
  const auto time = Time(record, kOriginalTimestamp);
  if (topic != nullptr && !topic->empty() && partition && offset && time) {
    trace.original = {*topic, static_cast<std::int32_t>(*partition), *offset};
    trace.original_timestamp = *time;
  }
  trace.attempt = static_cast<int>(Integer(record, kAttempt, 0, 1'000'000).value_or(0));
  trace.first_failure = Time(record, kFirstFailure);
  trace.not_before = Time(record, kNotBefore);
  if (trace.ours) trace.dead_letter = Integer(record, kDeadLetter, 1).value_or(0);  // the list went back as well
  return trace;
}

core::LogRecord CopyOfFailed(const core::LogRecord& record, const FailureTrace& trace, const FailureNote& note,
                             const core::StoreIdentity& store, std::string topic) {
  core::LogRecord copy;
  copy.position.topic = std::move(topic);
  copy.key = record.key;
  copy.value = record.value;
  copy.timestamp = note.failed_at;
  copy.headers = record.headers;
  auto& headers = copy.headers;
  KeepForeign(headers);
  AddIdentity(headers, trace.version, store);
  AddOriginal(headers, trace.original, trace.original_timestamp);
  headers.push_back({kAttempt, std::to_string(trace.attempt)});
  headers.push_back({kFirstFailure, Text(trace.first_failure.value_or(note.failed_at))});
  if (note.not_before) headers.push_back({kNotBefore, Text(*note.not_before)});
  headers.push_back({kErrorClass, std::string(note.failure_class)});
  headers.push_back({kErrorCode, note.error.code});
  headers.push_back({kErrorMessage, std::string(base::FirstCodePoints(note.error.message, kMaxMessageCharacters))});
  headers.push_back({kErrorStage, note.error.stage});
  headers.push_back({kWorkerVersion, std::string(base::kVersion)});
  if (trace.dead_letter > 0) headers.push_back({kDeadLetter, std::to_string(trace.dead_letter)});
  return copy;
}

bool IsWebhook(const core::DeadLetter& letter) { return letter.original.topic == core::kEventsTopic; }

core::LogRecord RedrivenRecord(const core::DeadLetter& letter, core::RecordPayload payload,
                               std::optional<std::string> edited, const core::StoreIdentity& store) {
  core::LogRecord record;
  record.position.topic = IsWebhook(letter) ? core::kWebhookRetriesTopic : core::kUploadsTopic;
  record.key = std::move(payload.key);
  const bool is_edited = edited.has_value();
  record.value = is_edited ? std::move(edited) : std::move(payload.value);
  record.timestamp = core::Now();
  record.headers = std::move(payload.headers);
  KeepForeign(record.headers);
  AddIdentity(record.headers, is_edited ? 0 : letter.version, store);
  AddOriginal(record.headers, letter.original, letter.original_timestamp);
  record.headers.push_back({kDeadLetter, std::to_string(letter.id)});
  return record;
}

core::LogRecord ReplayedRecord(core::LogRecord record, const core::Work& work, const core::StoreIdentity& store) {
  if (record.position.topic != core::kUploadsTopic) record.position.partition = -1;
  record.position = {core::kUploadsTopic, record.position.partition, -1};
  record.timestamp = core::Now();
  KeepForeign(record.headers);
  AddIdentity(record.headers, work.version, store);
  AddOriginal(record.headers, work.position, work.timestamp);
  return record;
}

}  // namespace millrace::ingest
