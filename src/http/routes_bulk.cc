#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "base/utf8.h"
#include "http/codec.h"
#include "http/document_json.h"
#include "http/idempotency.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

constexpr std::size_t kMaxLines = 10'000;
constexpr std::size_t kBatchDocuments = 256;
constexpr std::size_t kBatchBytes = 4 << 20;
constexpr double kMaxWaitSeconds = 300;

/// One line of input and what became of it.
struct Line {
  std::size_t number = 0;
  std::optional<core::NewDocument> document;  // until it is accepted
  std::optional<core::Accepted> accepted;
  std::optional<Problem> problem;
};

/// Blank lines count but are not kept. Nothing when there are too many.
std::optional<std::vector<Line>> ReadLines(const Request& request, const core::DocumentLimits& limits) {
  std::string_view body = request.body;
  std::vector<Line> lines;
  for (std::size_t number = 1; !body.empty(); ++number) {
    const std::string_view text = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(text.size() + 1, body.size()));
    if (base::TrimWhiteSpace(text).empty()) continue;
    if (lines.size() == kMaxLines) return std::nullopt;
    auto decoded = DecodeDocument(text, limits);
    Line line;
    line.number = number;
    if (auto* problem = std::get_if<Problem>(&decoded)) {
      line.problem = std::move(*problem);
    } else {
      line.document = std::move(std::get<core::NewDocument>(decoded));
      line.document->part = PartOf(request, static_cast<std::int64_t>(number));
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

/// Accepts the good lines in batches, in order. After a batch that failed the rest is refused with the same reason, so
/// that a later line never overtakes an earlier one with its key.
void AcceptLines(ingest::Intake& intake, std::vector<Line>& lines, base::Deadline deadline) {
  std::optional<Problem> failure;
  std::vector<core::NewDocument> batch;
  std::vector<Line*> owners;
  std::size_t bytes = 0;
  const auto flush = [&] {
    if (batch.empty()) return;
    if (!failure) {
      const auto answers = intake.Accept(batch, deadline);
      if (!answers) failure = ToProblem(answers.error());
      for (std::size_t i = 0; answers && i < owners.size(); ++i) owners[i]->accepted = (*answers)[i];
    }
    for (Line* owner : owners) {
      if (!owner->accepted) owner->problem = failure;
    }
    batch.clear();
    owners.clear();
    bytes = 0;
  };
  for (Line& line : lines) {
    if (!line.document) continue;
    bytes += line.document->content.size();
    batch.push_back(std::move(*line.document));
    line.document.reset();
    owners.push_back(&line);
    if (batch.size() == kBatchDocuments || bytes >= kBatchBytes) flush();
  }
  flush();
}

void WriteSettled(JsonWriter& json, const base::Result<core::DocumentRecord>& record) {
  if (!record) {
    json.Member("status", "deleted");
    return;
  }
  json.Member("status", core::StatusName(record->status));
  if (!record->error) return;
  json.Key("error").BeginObject().Member("code", record->error->code).Member("message", record->error->message);
  json.Member("stage", record->error->stage).EndObject();
}

void WriteLine(JsonWriter& json, const Line& line) {
  json.Member("line", line.number);
  if (line.accepted) {
    json.Member("result", ResultName(line.accepted->kind)).Member("document_id", line.accepted->id);
    json.Member("version", line.accepted->version);
    return;
  }
  json.Member("result", "rejected").Key("error").BeginObject();
  WriteProblem(json, *line.problem);
  json.EndObject();
}

/// 503 for the whole when nothing came in and trying again may help.
std::optional<Problem> RefusalOfAll(const std::vector<Line>& lines) {
  const bool any = std::any_of(lines.begin(), lines.end(), [](const Line& line) { return line.accepted.has_value(); });
  if (any) return std::nullopt;
  for (const Line& line : lines) {
    if (line.problem->status == 503) return line.problem;
  }
  return std::nullopt;
}

Response AddMany(const Services& services, Waiting& waiting, const Request& request) {
  if (const auto problem = CheckQuery(request, {"wait"})) return ToResponse(*problem);
  if (const auto problem = CheckMediaType(request, MediaType::kNdjson)) return ToResponse(*problem);
  const auto wait_text = Find(request.query, "wait");
  const auto wait = DecodeSeconds("wait", wait_text.value_or("0"), kMaxWaitSeconds);
  if (const auto* problem = std::get_if<Problem>(&wait)) return ToResponse(*problem);
  auto lines = ReadLines(request, services.limits);
  if (!lines) return ToResponse(Problem{413, fmt::format("a bulk may have at most {} lines", kMaxLines), {}});
  AcceptLines(services.intake, *lines, request.deadline);
  if (const auto refusal = RefusalOfAll(*lines)) return ToResponse(*refusal);

  std::optional<Waiting::Place> place;
  auto until = base::Deadline::Expired();
  if (wait_text) {
    place.emplace(waiting);
    if (place->taken()) until = base::Deadline::AfterSeconds(std::get<double>(wait));
  }
  Response response;
  response.content_type = "application/x-ndjson";
  for (const Line& line : *lines) {
    JsonWriter json;
    json.BeginObject();
    WriteLine(json, line);
    if (wait_text && line.accepted) WriteSettled(json, waiting.For(*line.accepted, until, request));
    json.EndObject();
    response.body += json.text();
    response.body += '\n';
  }
  return response;
}

}  // namespace

void AddBulkRoutes(const Services& services, std::shared_ptr<Waiting> waiting, std::vector<Route>& routes) {
  routes.push_back({"POST", "/v1/documents/bulk", Scope::kWrite, "createDocuments", Surface::kV1,
                    [services, waiting](const Request& request) { return AddMany(services, *waiting, request); }});
}

}  // namespace millrace::http
