#include "http/message_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "http/place.h"

namespace millrace::http {
namespace {

using base::Deadline;

constexpr auto kPatience = std::chrono::seconds(5);  // with messages that are there and do not come
constexpr std::size_t kBatch = 32;                   // bounds what is held beyond kPageBytes
constexpr std::size_t kPageBytes = 4 << 20;

}  // namespace

base::Result<MessagePage> MessageReader::Read(const MessageQuery& query, const Request& request) {
  const Place place(free_);
  if (!place.taken()) {
    return {base::Code::kOverloaded, fmt::format("{} clients read messages already", kMaxReaders)};
  }
  ASSIGN_OR_RETURN(core::TopicDescription topic, log_.topics.DescribeTopic(query.topic));
  if (query.partition) {
    std::erase_if(topic.partitions, [&](const auto& item) { return item.first != *query.partition; });
    if (topic.partitions.empty()) {
      return {base::Code::kNotFound, fmt::format("topic {} has no partition {}", query.topic, *query.partition)};
    }
  }
  ASSIGN_OR_RETURN(NextOffsets next, ResolveLogStart(query.from, query.topic, topic.partitions, log_.groups));
  return ReadFrom(std::move(next), topic, query, request);
}

base::Result<MessagePage> MessageReader::ReadFrom(NextOffsets next, const core::TopicDescription& topic,
                                                  const MessageQuery& query, const Request& request) const {
  MessagePage page{{}, std::move(next)};
  const auto all_read = [&] {
    return std::all_of(page.next.begin(), page.next.end(),
                       [&](const auto& item) { return item.second >= topic.partitions.at(item.first).marks.high; });
  };
  if (all_read() && query.wait.expired()) return page;
  const auto reader = log_.new_reader();
  std::vector<core::Position> positions;
  for (const auto& [partition, offset] : page.next) positions.push_back({query.topic, partition, offset});
  RETURN_IF_ERROR(reader->Assign(positions));

  const auto patience = Deadline::After(kPatience);
  std::size_t bytes = 0;
  while (page.records.size() < query.limit && bytes < kPageBytes && !request.should_hurry()) {
    const bool done = all_read();
    if (done && !page.records.empty()) break;
    const bool waits = query.wait.when() > patience.when() || done;
    const Deadline until = (waits ? query.wait : patience).EarlierOf(request.deadline);
    if (until.expired()) break;
    ASSIGN_OR_RETURN(auto batch, reader->Poll(std::min(kBatch, query.limit - page.records.size()),
                                              Deadline::After(Request::kNoticeEvery).EarlierOf(until)));
    if (batch.empty() && !page.records.empty()) break;  // offsets without a record, as transactions leave them
    for (const core::LogRecord& record : batch) {
      page.next[record.position.partition] = record.position.offset + 1;
      bytes += record.value ? record.value->size() : 0;
    }
    std::move(batch.begin(), batch.end(), std::back_inserter(page.records));
  }
  return page;
}

}  // namespace millrace::http
