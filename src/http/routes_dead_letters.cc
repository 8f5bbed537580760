#include <fmt/core.h>

#include <limits>
#include <memory>
#include <utility>

#include "http/batch.h"
#include "http/codec.h"
#include "http/dead_letter_json.h"
#include "http/json_object.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

using Need = JsonObject::Need;

constexpr std::int64_t kMaxId = std::numeric_limits<std::int64_t>::max();

Response Answer(JsonWriter&& json) {
  Response response;
  response.body = std::move(json).Take();
  return response;
}

std::optional<Problem> DecodeTimeInto(const Request& request, const char* name, std::optional<core::Timestamp>& time) {
  const auto text = Find(request.query, name);
  if (!text) return std::nullopt;
  const auto decoded = DecodeTime(name, *text);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return *problem;
  time = std::get<core::Timestamp>(decoded);
  return std::nullopt;
}

/// The filters of a list and of the export.
std::optional<Problem> DecodeFilter(const Request& request, core::DeadLetterQuery& query) {
  if (const auto code = Find(request.query, "code")) query.code = *code;
  if (const auto stage = Find(request.query, "stage")) query.stage = *stage;
  if (const auto text = Find(request.query, "document_id")) {
    const auto id = DecodeInteger("document_id", *text, 1, kMaxId);
    if (const auto* problem = std::get_if<Problem>(&id)) return *problem;
    query.document_id = std::get<std::int64_t>(id);
  }
  if (const auto problem = DecodeTimeInto(request, "since", query.since)) return problem;
  if (const auto problem = DecodeTimeInto(request, "until", query.until)) return problem;
  if (const auto text = Find(request.query, "redriven")) {
    const auto redriven = DecodeBool("redriven", *text);
    if (const auto* problem = std::get_if<Problem>(&redriven)) return *problem;
    query.redriven = std::get<bool>(redriven);
  }
  return std::nullopt;
}

Decoded<core::DeadLetterQuery> DecodeListQuery(const Request& request) {
  if (const auto problem =
          CheckQuery(request, {"code", "stage", "document_id", "since", "until", "redriven", "limit", "cursor"})) {
    return *problem;
  }
  core::DeadLetterQuery query;
  if (const auto problem = DecodeFilter(request, query)) return *problem;
  const auto limit = DecodeInteger("limit", Find(request.query, "limit").value_or("100"), 1, kMaxBatch);
  if (const auto* problem = std::get_if<Problem>(&limit)) return *problem;
  query.limit = static_cast<std::size_t>(std::get<std::int64_t>(limit));
  if (const auto cursor = Find(request.query, "cursor")) {
    const auto before = DecodeInteger("cursor", *cursor, 1, kMaxId);
    if (std::holds_alternative<Problem>(before)) return InvalidField("/cursor", "must be a next_cursor of an answer");
    query.before = std::get<std::int64_t>(before);
  }
  return query;
}

Response ListLetters(const Services& services, const Request& request) {
  auto decoded = DecodeListQuery(request);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  auto& query = std::get<core::DeadLetterQuery>(decoded);
  const auto total = services.dead_letters.Count(query);
  if (!total) return ToResponse(total.error());
  const auto reasons = services.dead_letters.Reasons();
  if (!reasons) return ToResponse(reasons.error());
  const std::size_t limit = query.limit++;
  auto page = services.dead_letters.List(query);
  if (!page) return ToResponse(page.error());
  const bool more = page->size() > limit;
  if (more) page->resize(limit);
  JsonWriter json;
  json.BeginObject().Key("dead_letters").BeginArray();
  for (const core::DeadLetter& letter : *page) {
    json.BeginObject();
    WriteDeadLetterMembers(json, letter);
    json.EndObject();
  }
  json.EndArray().Member("matched", *total).Key("reasons").BeginArray();
  for (const core::DeadLetterReason& reason : *reasons) {
    json.BeginObject().Member("code", reason.code).Member("stage", reason.stage).Member("count", reason.count);
    json.Member("newest", core::FormatTimestamp(reason.newest)).EndObject();
  }
  json.EndArray()
      .Member("next_cursor", more ? std::optional(std::to_string(page->back().id)) : std::nullopt)
      .EndObject();
  return Answer(std::move(json));
}

/// 404 for a number that can be no id, 422 for what is no number.
Decoded<core::DeadLetterId> DecodeId(const Request& request) {
  auto id = DecodeDocumentId(request, "id");
  if (auto* problem = std::get_if<Problem>(&id); problem != nullptr && problem->status == 404) {
    problem->detail = "there is no dead letter with this id";
  }
  return id;
}

base::Status WriteWhole(ingest::DeadLetterService& service, const core::DeadLetter& letter, JsonWriter& json) {
  ASSIGN_OR_RETURN(const auto payload, service.Payload(letter.id));
  json.BeginObject();
  WriteDeadLetterMembers(json, letter);
  WriteDeadLetterMessage(json, letter, payload);
  json.EndObject();
  return {};
}

Response ShowLetter(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  const auto id = DecodeId(request);
  if (const auto* problem = std::get_if<Problem>(&id)) return ToResponse(*problem);
  const auto letter = services.dead_letters.Get(std::get<core::DeadLetterId>(id));
  if (!letter) return ToResponse(letter.error());
  JsonWriter json;
  if (const auto written = WriteWhole(services.dead_letters, *letter, json); !written)
    return ToResponse(written.error());
  return Answer(std::move(json));
}

/// A line for each dead letter, few of the store at a time because each may be a megabyte.
class Export {
 public:
  Export(ingest::DeadLetterService& service, core::DeadLetterQuery query)
      : service_(service), query_(std::move(query)) {
    query_.limit = kPage;
  }

  /// Empty at the end. What left the list meanwhile is left out.
  base::Result<std::string> Next() {
    std::string text;
    while (text.empty() && !ended_) {
      ASSIGN_OR_RETURN(const auto page, service_.List(query_));
      ended_ = page.size() < kPage;
      for (const core::DeadLetter& letter : page) {
        query_.before = letter.id;
        JsonWriter json;
        const auto written = WriteWhole(service_, letter, json);
        if (written) {
          text += json.text() + "\n";
        } else if (written.error().code != base::Code::kNotFound) {
          return written.error();
        }
      }
    }
    return text;
  }

 private:
  static constexpr std::size_t kPage = 16;

  ingest::DeadLetterService& service_;
  core::DeadLetterQuery query_;
  bool ended_ = false;
};

Response ExportLetters(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {"code", "stage", "document_id", "since", "until", "redriven"})) {
    return ToResponse(*problem);
  }
  core::DeadLetterQuery query;
  if (const auto problem = DecodeFilter(request, query)) return ToResponse(*problem);
  const auto lines = std::make_shared<Export>(services.dead_letters, std::move(query));
  auto first = lines->Next();
  if (!first) return ToResponse(first.error());
  Response response;
  response.content_type = "application/x-ndjson";
  response.body = std::move(*first);
  if (!response.body.empty()) response.next_part = [lines] { return lines->Next(); };
  return response;
}

/// `value` or `value_base64` of a body that may be empty; nothing when neither is given.
Decoded<std::optional<std::string>> DecodeEdited(const Request& request) {
  if (request.body.empty()) return std::optional<std::string>();
  if (const auto problem = CheckMediaType(request, MediaType::kJson)) return *problem;
  auto parsed = JsonObject::Parse(request.body);
  if (auto* problem = std::get_if<Problem>(&parsed)) return std::move(*problem);
  auto& object = std::get<JsonObject>(parsed);
  auto text = object.AnyText("value");
  if (text && !*text) object.AddError("value", "must not be null");
  object.RefuseOthers();
  if (auto problem = object.problem()) return std::move(*problem);
  return text ? std::move(*text) : std::nullopt;
}

Response RedriveOne(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  const auto id = DecodeId(request);
  if (const auto* problem = std::get_if<Problem>(&id)) return ToResponse(*problem);
  auto edited = DecodeEdited(request);
  if (const auto* problem = std::get_if<Problem>(&edited)) return ToResponse(*problem);
  const auto sent = services.dead_letters.Redrive(
      std::get<core::DeadLetterId>(id), std::move(std::get<std::optional<std::string>>(edited)), request.deadline);
  if (!sent) return ToResponse(sent.error());
  JsonWriter json;
  json.BeginObject().Member("id", std::get<core::DeadLetterId>(id)).Member("status", "redriven").EndObject();
  return Answer(std::move(json));
}

std::optional<core::Timestamp> TakeTime(JsonObject& object, const char* name) {
  const auto text = object.String(name, Need::kNullable);
  if (!text) return std::nullopt;
  const auto time = core::ParseTimestamp(*text);
  if (!time) object.AddError(name, "must be a time such as 2026-01-15T10:30:00Z");
  return time;
}

struct Selection {
  core::DeadLetterQuery query;
  bool dry_run = true;
};

/// `{"ids"}` or `{"filter":{code,stage,document_id,since,until}}`, and `dry_run`; with `paged` also limit and cursor.
Decoded<Selection> DecodeSelection(const Request& request, bool paged) {
  if (const auto problem = CheckQuery(request, {})) return *problem;
  if (const auto problem = CheckMediaType(request, MediaType::kJson)) return *problem;
  auto parsed = JsonObject::Parse(request.body);
  if (auto* problem = std::get_if<Problem>(&parsed)) return std::move(*problem);
  auto& object = std::get<JsonObject>(parsed);
  Selection selection;
  core::DeadLetterQuery& query = selection.query;
  query.ids = TakeIdsOrFilter(object, kMaxId, [&](JsonObject& filter) {
    query.code = filter.String("code", Need::kNullable);
    query.stage = filter.String("stage", Need::kNullable);
    query.document_id = filter.Integer("document_id", 1, kMaxId, Need::kNullable);
    query.since = TakeTime(filter, "since");
    query.until = TakeTime(filter, "until");
    if (paged) query.redriven = false;
  });
  selection.dry_run = object.Bool("dry_run", Need::kOptional).value_or(true);
  if (paged) {
    query.limit = static_cast<std::size_t>(object.Integer("limit", 1, kMaxBatch, Need::kNullable).value_or(kMaxBatch));
    query.before = TakeIdCursor(object);
  }
  object.RefuseOthers();
  if (auto problem = object.problem()) return std::move(*problem);
  return selection;
}

Response RedriveMany(const Services& services, const Request& request) {
  const auto decoded = DecodeSelection(request, true);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  const auto& [query, dry_run] = std::get<Selection>(decoded);
  const auto total = services.dead_letters.Count(query);
  if (!total) return ToResponse(total.error());
  const auto results = services.dead_letters.RedriveAll(query, dry_run, request.deadline);
  if (!results) return ToResponse(results.error());
  JsonWriter json;
  json.BeginObject().Member("dry_run", dry_run).Member("matched", *total).Key("results").BeginArray();
  for (const ingest::Redriven& one : *results) WriteRedriven(json, one, dry_run);
  json.EndArray();
  const bool more = results->size() == query.limit;
  json.Member("next_cursor", more ? std::optional(std::to_string(results->front().letter.id)) : std::nullopt);
  json.EndObject();  // results came oldest first
  return Answer(std::move(json));
}

Response PurgeLetters(const Services& services, const Request& request) {
  const auto decoded = DecodeSelection(request, false);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  const auto& [query, dry_run] = std::get<Selection>(decoded);
  const auto count = services.dead_letters.Purge(query, dry_run, request.deadline);
  if (!count) return ToResponse(count.error());
  JsonWriter json;
  json.BeginObject().Member("dry_run", dry_run).Member("matched", *count);
  json.Member("purged", dry_run ? 0 : *count).EndObject();
  return Answer(std::move(json));
}

}  // namespace

void AddDeadLetterRoutes(const Services& services, std::vector<Route>& routes) {
  const auto add = [&](const char* method, const char* pattern, Scope scope, const char* operation,
                       Response (*answer)(const Services&, const Request&)) {
    Handler handler = [services, answer](const Request& request) { return answer(services, request); };
    routes.push_back({method, pattern, scope, operation, Surface::kV1, std::move(handler)});
  };
  add("GET", "/v1/dead-letters", Scope::kRead, "listDeadLetters", ListLetters);
  add("GET", "/v1/dead-letters/export", Scope::kRead, "exportDeadLetters", ExportLetters);
  add("POST", "/v1/dead-letters/redrive", Scope::kWrite, "redriveDeadLetters", RedriveMany);
  add("POST", "/v1/dead-letters/purge", Scope::kAdmin, "purgeDeadLetters", PurgeLetters);
  add("GET", "/v1/dead-letters/{id}", Scope::kRead, "getDeadLetter", ShowLetter);
  add("POST", "/v1/dead-letters/{id}/redrive", Scope::kWrite, "redriveDeadLetter", RedriveOne);
}

}  // namespace millrace::http
