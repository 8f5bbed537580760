#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "http/batch.h"
#include "http/codec.h"
#include "http/json_object.h"
#include "http/json_writer.h"
#include "http/log_position.h"
#include "http/place.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

using base::Deadline;
using Need = JsonObject::Need;

constexpr std::int64_t kMaxId = (std::int64_t{1} << 53) - 1;  // as the description has it: exact in every JSON
constexpr std::int64_t kMaxPartition = std::numeric_limits<std::int32_t>::max();
constexpr int kMaxReaders = 4;
constexpr std::size_t kPolled = 32;  // bounds what is held beyond kPageBytes
constexpr std::size_t kPageBytes = 4 << 20;
constexpr auto kPatience = std::chrono::seconds(5);  // with messages that are there and do not come

/// What is left to read: the copies go behind it, and are no part of it.
struct Range {
  std::int64_t next = 0, end = 0;
};
using Ranges = std::map<std::int32_t, Range>;

/// `0:12-99,1:7-50`: by partition, the next offset and the one to stop at.
std::string FormatCursor(const Ranges& ranges) {
  std::string text;
  for (const auto& [partition, range] : ranges) {
    if (range.next >= range.end) continue;
    text += fmt::format("{}{}:{}-{}", text.empty() ? "" : ",", partition, range.next, range.end);
  }
  return text;
}

std::optional<Ranges> ParseCursor(std::string_view text) {
  Ranges ranges;
  const auto take = [&](std::int64_t& number, char until) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const bool ends = until == ',' && text.empty();
    if (!ends && (text.empty() || text.front() != until)) return false;
    if (!ends) text.remove_prefix(1);
    return true;
  };
  do {
    std::int64_t partition = 0;
    Range range;
    if (!take(partition, ':') || !take(range.next, '-') || !take(range.end, ',')) return std::nullopt;
    if (partition > kMaxPartition) return std::nullopt;
    ranges[static_cast<std::int32_t>(partition)] = range;
  } while (!text.empty());
  return ranges;
}

struct Selection {
  std::string topic;
  std::optional<std::int32_t> partition;
  LogStart from = FromBeginning();
  std::optional<Ranges> cursor;
  std::optional<core::DocumentId> document;
  std::size_t limit = 100;  // records read
  bool dry_run = true;
};

Decoded<Selection> DecodeSelection(const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return *problem;
  if (const auto problem = CheckMediaType(request, MediaType::kJson)) return *problem;
  auto parsed = JsonObject::Parse(request.body);
  if (auto* problem = std::get_if<Problem>(&parsed)) return std::move(*problem);
  auto& object = std::get<JsonObject>(parsed);
  Selection selection;
  selection.topic = object.String("topic", Need::kRequired).value_or("");
  if (const auto partition = object.Integer("partition", 0, kMaxPartition, Need::kNullable)) {
    selection.partition = static_cast<std::int32_t>(*partition);
  }
  if (const auto text = object.String("from", Need::kNullable)) {
    auto from = DecodeLogStart("from", *text, core::Now());
    if (std::holds_alternative<Problem>(from)) {
      object.AddError("from",
                      "must be beginning, an offset such as 5, or a time such as @2026-01-15T10:30:00Z or @-2h");
    } else {
      selection.from = std::move(std::get<LogStart>(from));
    }
  }
  if (const auto text = object.String("cursor", Need::kNullable)) {
    selection.cursor = ParseCursor(*text);
    if (!selection.cursor) object.AddError("cursor", "must be a next_cursor of an answer");
  }
  selection.document = object.Integer("document_id", 1, kMaxId, Need::kNullable);
  selection.limit = static_cast<std::size_t>(object.Integer("limit", 1, kMaxBatch, Need::kNullable).value_or(100));
  selection.dry_run = object.Bool("dry_run", Need::kOptional).value_or(true);
  object.RefuseOthers();
  if (auto problem = object.problem()) return std::move(*problem);
  return selection;
}

base::Result<Ranges> FindRanges(const Services& services, const Selection& selection) {
  ASSIGN_OR_RETURN(core::TopicDescription topic, services.log.topics.DescribeTopic(selection.topic));
  const auto missing = [&](std::int32_t partition) {
    return base::Error{
        base::Code::kNotFound, fmt::format("topic {} has no partition {}", selection.topic, partition), {}};
  };
  if (selection.cursor) {
    for (const auto& [partition, range] : *selection.cursor) {
      if (!topic.partitions.contains(partition)) return missing(partition);
    }
    return *selection.cursor;
  }
  if (selection.partition) {
    std::erase_if(topic.partitions, [&](const auto& item) { return item.first != *selection.partition; });
    if (topic.partitions.empty()) return missing(*selection.partition);
  }
  ASSIGN_OR_RETURN(const NextOffsets next,
                   ResolveLogStart(selection.from, selection.topic, topic.partitions, services.log.groups));
  Ranges ranges;
  for (const auto& [partition, offset] : next) ranges[partition] = {offset, topic.partitions.at(partition).marks.high};
  return ranges;
}

/// The next records within `ranges`, which go on behind them.
base::Result<std::vector<core::LogRecord>> ReadSome(const Services& services, const Selection& selection,
                                                    Ranges& ranges, const Request& request) {
  std::vector<core::LogRecord> records;
  std::vector<core::Position> positions;
  for (const auto& [partition, range] : ranges) {
    if (range.next < range.end) positions.push_back({selection.topic, partition, range.next});
  }
  if (positions.empty()) return records;
  const auto reader = services.log.new_reader();
  RETURN_IF_ERROR(reader->Assign(positions));
  const auto until = Deadline::After(kPatience).EarlierOf(request.deadline);
  const auto done = [&] {
    return std::all_of(ranges.begin(), ranges.end(),
                       [](const auto& item) { return item.second.next >= item.second.end; });
  };
  std::size_t bytes = 0;
  bool moved = false;
  while (records.size() < selection.limit && bytes < kPageBytes && !done() && !request.should_hurry()) {
    ASSIGN_OR_RETURN(auto batch, reader->Poll(std::min(kPolled, selection.limit - records.size()),
                                              Deadline::After(Request::kNoticeEvery).EarlierOf(until)));
    if (batch.empty() && moved) break;
    if (batch.empty() && until.expired()) {
      return base::Error{base::Code::kUnavailable,
                         fmt::format("the messages of {} up to {} do not come", selection.topic, FormatCursor(ranges)),
                         {}};
    }
    for (core::LogRecord& record : batch) {
      Range& range = ranges.at(record.position.partition);
      range.next = std::max(range.next, record.position.offset + 1);
      moved = true;
      if (record.position.offset >= range.end) continue;
      bytes += record.value ? record.value->size() : 0;
      records.push_back(std::move(record));
    }
  }
  return records;
}

base::Result<std::string> Replay(const Services& services, const Selection& selection, const Request& request) {
  ASSIGN_OR_RETURN(Ranges ranges, FindRanges(services, selection));
  ASSIGN_OR_RETURN(auto records, ReadSome(services, selection, ranges, request));
  ASSIGN_OR_RETURN(const ingest::ReplayTally tally,
                   services.replay.Replay(std::move(records), selection.document, selection.dry_run, request.deadline));
  std::int64_t remaining = 0;
  for (const auto& [partition, range] : ranges) remaining += std::max<std::int64_t>(0, range.end - range.next);
  const std::string cursor = FormatCursor(ranges);
  JsonWriter json;
  json.BeginObject().Member("dry_run", selection.dry_run).Member("read", tally.read).Member("sent", tally.sent);
  json.Member("up_to_date", tally.up_to_date).Member("gone", tally.gone).Member("other", tally.other);
  json.Member("unreadable", tally.unreadable).Member("remaining", remaining);
  json.Member("next_cursor", cursor.empty() ? std::nullopt : std::optional(cursor)).EndObject();
  return std::move(json).Take();
}

}  // namespace

void AddReplayRoutes(const Services& services, std::vector<Route>& routes) {
  const auto free = std::make_shared<std::atomic<int>>(kMaxReaders);
  routes.push_back(
      {"POST", "/v1/replay", Scope::kWrite, "replayMessages", Surface::kV1, [services, free](const Request& request) {
         const auto decoded = DecodeSelection(request);
         if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
         const Place place(*free);
         if (!place.taken()) {
           return ToResponse(
               base::Error{base::Code::kOverloaded, fmt::format("{} clients replay already", kMaxReaders), {}});
         }
         auto answer = Replay(services, std::get<Selection>(decoded), request);
         if (!answer) return ToResponse(answer.error());
         Response response;
         response.body = std::move(*answer);
         return response;
       }});
}

}  // namespace millrace::http
