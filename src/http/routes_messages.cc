#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "base/utf8.h"
#include "http/codec.h"
#include "http/json_writer.h"
#include "http/message_json.h"
#include "http/message_reader.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

constexpr std::int64_t kMaxLimit = 1000;
constexpr double kMaxWaitSeconds = 30;
constexpr std::size_t kMaxLines = 10'000;

std::string TopicOf(const Request& request) { return std::string(Find(request.path_params, "name").value_or("")); }

Decoded<MessageQuery> DecodeMessageQuery(const Request& request) {
  if (const auto problem = CheckQuery(request, {"partition", "from", "limit", "timeout"})) return *problem;
  MessageQuery query;
  query.topic = TopicOf(request);
  if (const auto text = Find(request.query, "partition")) {
    const auto partition = DecodeInteger("partition", *text, 0, std::numeric_limits<std::int32_t>::max());
    if (const auto* problem = std::get_if<Problem>(&partition)) return *problem;
    query.partition = static_cast<std::int32_t>(std::get<std::int64_t>(partition));
  }
  auto from = DecodeLogStart("from", Find(request.query, "from").value_or("beginning"), core::Now());
  if (const auto* problem = std::get_if<Problem>(&from)) return *problem;
  query.from = std::move(std::get<LogStart>(from));
  const auto limit = DecodeInteger("limit", Find(request.query, "limit").value_or("100"), 1, kMaxLimit);
  if (const auto* problem = std::get_if<Problem>(&limit)) return *problem;
  query.limit = static_cast<std::size_t>(std::get<std::int64_t>(limit));
  const auto wait = DecodeSeconds("timeout", Find(request.query, "timeout").value_or("0"), kMaxWaitSeconds);
  if (const auto* problem = std::get_if<Problem>(&wait)) return *problem;
  query.wait = base::Deadline::AfterSeconds(std::get<double>(wait));
  return query;
}

Response ReadMessages(MessageReader& reader, const Request& request) {
  const auto decoded = DecodeMessageQuery(request);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  const auto page = reader.Read(std::get<MessageQuery>(decoded), request);
  if (!page) return ToResponse(page.error());
  JsonWriter json;
  json.BeginObject().Key("messages").BeginArray();
  for (const core::LogRecord& record : page->records) WriteMessage(json, record);
  json.EndArray().Member("next", FormatNextOffsets(page->next)).EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

/// One line of input and what became of it.
struct Line {
  std::size_t number = 0;
  std::optional<Problem> problem;
  std::optional<core::Position> position;
};

void WriteOutcome(JsonWriter& json, const Line& line) {
  if (line.position) {
    json.Member("topic", line.position->topic).Member("partition", line.position->partition);
    json.Member("offset", line.position->offset);
    return;
  }
  json.Key("error").BeginObject();
  WriteProblem(json, *line.problem);
  json.EndObject();
}

struct Batch {
  std::vector<Line> lines;
  std::vector<core::LogRecord> records;
  std::vector<std::size_t> owners;  // of each record, an index into `lines`
};

void AddLine(std::string_view text, std::size_t number, const core::TopicDescription& topic, Batch& batch) {
  Line& line = batch.lines.emplace_back();
  line.number = number;
  auto decoded = DecodeMessage(text, static_cast<std::int32_t>(topic.partitions.size()));
  if (auto* problem = std::get_if<Problem>(&decoded)) {
    line.problem = std::move(*problem);
    return;
  }
  batch.records.push_back(std::move(std::get<core::LogRecord>(decoded)));
  batch.records.back().position.topic = topic.spec.name;
  batch.owners.push_back(batch.lines.size() - 1);
}

void Send(core::LogProducer& producer, Batch& batch, base::Deadline deadline) {
  if (batch.records.empty()) return;
  const auto outcomes = producer.Produce(std::move(batch.records), deadline);
  for (std::size_t i = 0; i < batch.owners.size(); ++i) {
    Line& line = batch.lines[batch.owners[i]];
    if (!outcomes) {
      line.problem = ToProblem(outcomes.error());
    } else if (!(*outcomes)[i]) {
      line.problem = ToProblem((*outcomes)[i].error());
    } else {
      line.position = *(*outcomes)[i];
    }
  }
}

/// Blank lines count but are not answered. Nothing when there are too many.
std::optional<Batch> ReadLines(std::string_view body, const core::TopicDescription& topic) {
  Batch batch;
  for (std::size_t number = 1; !body.empty(); ++number) {
    const std::string_view text = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(text.size() + 1, body.size()));
    if (base::TrimWhiteSpace(text).empty()) continue;
    if (batch.lines.size() == kMaxLines) return std::nullopt;
    AddLine(text, number, topic, batch);
  }
  return batch;
}

Response ProduceLines(const Services& services, const core::TopicDescription& topic, const Request& request) {
  auto batch = ReadLines(request.body, topic);
  if (!batch) return ToResponse(Problem{413, fmt::format("a request may have at most {} lines", kMaxLines), {}});
  Send(services.log.producer, *batch, request.deadline);
  const bool nothing = std::none_of(batch->lines.begin(), batch->lines.end(),
                                    [](const Line& line) { return line.position.has_value(); });
  Response response;
  response.content_type = "application/x-ndjson";
  for (const Line& line : batch->lines) {
    if (nothing && line.problem->status == 503) return ToResponse(*line.problem);  // trying again may help
    JsonWriter json;
    json.BeginObject().Member("line", line.number);
    WriteOutcome(json, line);
    json.EndObject();
    response.body += json.text();
    response.body += '\n';
  }
  return response;
}

Response ProduceOne(const Services& services, const core::TopicDescription& topic, const Request& request) {
  Batch batch;
  AddLine(request.body, 1, topic, batch);
  Send(services.log.producer, batch, request.deadline);
  const Line& line = batch.lines.front();
  if (line.problem) return ToResponse(*line.problem);
  JsonWriter json;
  json.BeginObject();
  WriteOutcome(json, line);
  json.EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

Response Produce(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  const bool lines = !CheckMediaType(request, MediaType::kNdjson) && request.header("content-type");
  if (!lines) {
    if (const auto problem = CheckMediaType(request, MediaType::kJson)) return ToResponse(*problem);
  }
  const auto topic = services.log.topics.DescribeTopic(TopicOf(request));
  if (!topic) return ToResponse(topic.error());
  return lines ? ProduceLines(services, *topic, request) : ProduceOne(services, *topic, request);
}

}  // namespace

void AddMessageRoutes(const Services& services, std::vector<Route>& routes) {
  const auto reader = std::make_shared<MessageReader>(services.log);
  routes.push_back({"GET", "/v1/topics/{name}/messages", Scope::kRead, "readMessages", Surface::kV1,
                    [reader](const Request& request) { return ReadMessages(*reader, request); }});
  routes.push_back({"POST", "/v1/topics/{name}/messages", Scope::kWrite, "produceMessages", Surface::kV1,
                    [services](const Request& request) { return Produce(services, request); }});
}

}  // namespace millrace::http
