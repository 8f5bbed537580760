#include <utility>

#include "http/batch.h"
#include "http/codec.h"
#include "http/json_object.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

using Need = JsonObject::Need;

constexpr std::int64_t kMaxExactId = (std::int64_t{1} << 53) - 1;  // as the description has it: exact in every JSON

struct Reindexing {
  ingest::ReindexSelection selection;
  bool dry_run = true;
};

void TakeSelection(JsonObject& filter, ingest::ReindexSelection& selection) {
  core::ReindexQuery& query = selection.query;
  selection.where = TakeFilter(filter, "where", "/filter/where");
  query.key_prefix = filter.String("key_prefix", Need::kNullable);
  if (const auto name = filter.String("status", Need::kNullable)) {
    const auto status = *name == "any_failed" ? core::DocumentStatus::kFailed : core::ParseStatus(*name);
    if (!status || !core::MayReindex(*status)) {
      filter.AddError("status", "must be indexed, failed, dead_lettered or any_failed");
    } else {
      query.statuses = {*status};
      if (*name == "any_failed") query.statuses.push_back(core::DocumentStatus::kDeadLettered);
    }
  }
}

/// `{"ids"}` or `{"filter":{status,key_prefix,where}}`, with dry_run, limit and cursor.
Decoded<Reindexing> DecodeReindexing(const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return *problem;
  if (const auto problem = CheckMediaType(request, MediaType::kJson)) return *problem;
  auto parsed = JsonObject::Parse(request.body);
  if (auto* problem = std::get_if<Problem>(&parsed)) return std::move(*problem);
  auto& object = std::get<JsonObject>(parsed);
  Reindexing reindexing;
  core::ReindexQuery& query = reindexing.selection.query;
  query.ids =
      TakeIdsOrFilter(object, kMaxExactId, [&](JsonObject& filter) { TakeSelection(filter, reindexing.selection); });
  reindexing.dry_run = object.Bool("dry_run", Need::kOptional).value_or(true);
  query.limit = static_cast<std::size_t>(object.Integer("limit", 1, kMaxBatch, Need::kNullable).value_or(100));
  query.before = TakeIdCursor(object);
  object.RefuseOthers();
  if (auto problem = object.problem()) return std::move(*problem);
  return reindexing;
}

Response ReindexMany(const Services& services, const Request& request) {
  const auto decoded = DecodeReindexing(request);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  const auto& [selection, dry_run] = std::get<Reindexing>(decoded);
  core::ReindexBatch batch;
  std::int64_t matched = 0;
  if (dry_run) {
    const auto count = services.reindex.Count(selection, request.deadline);
    if (!count) return ToResponse(count.error());
    matched = *count;
  } else {
    auto queued = services.reindex.Queue(selection, request.deadline);
    if (!queued) return ToResponse(queued.error());
    batch = std::move(*queued);
    matched = static_cast<std::int64_t>(batch.queued.size());
  }
  JsonWriter json;
  json.BeginObject().Member("dry_run", dry_run).Member("matched", matched).Key("queued").BeginArray();
  for (const core::DocumentId id : batch.queued) json.Value(id);
  json.EndArray();
  json.Member("next_cursor", batch.cursor ? std::optional(std::to_string(*batch.cursor)) : std::nullopt).EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

Response ReindexOne(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  const auto id = DecodeDocumentId(request, "id");
  if (const auto* problem = std::get_if<Problem>(&id)) return ToResponse(*problem);
  const auto record = services.reindex.QueueOne(std::get<core::DocumentId>(id), request.deadline);
  if (!record) return ToResponse(record.error());
  JsonWriter json;
  json.BeginObject().Member("id", record->id).Member("version", record->version).Member("status", "queued").EndObject();
  Response response;
  response.status = 202;
  response.body = std::move(json).Take();
  return response;
}

}  // namespace

void AddReindexRoutes(const Services& services, std::vector<Route>& routes) {
  const auto add = [&](const char* method, const char* pattern, const char* operation,
                       Response (*answer)(const Services&, const Request&)) {
    Handler handler = [services, answer](const Request& request) { return answer(services, request); };
    routes.push_back({method, pattern, Scope::kWrite, operation, Surface::kV1, std::move(handler)});
  };
  add("POST", "/v1/reindex", "reindexDocuments", ReindexMany);
  add("POST", "/v1/documents/{id}/reindex", "reindexDocument", ReindexOne);
}

}  // namespace millrace::http
