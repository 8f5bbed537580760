#include <chrono>
#include <utility>

#include "core/metadata.h"
#include "http/codec.h"
#include "http/document_json.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

void WriteHit(JsonWriter& json, const search::SearchHit& hit) {
  json.BeginObject().Member("score", hit.score).Key("document").BeginObject();
  json.Member("id", hit.chunk.document_id).Member("key", hit.chunk.document_key);
  json.Member("title", hit.chunk.document_title);
  json.Key("metadata").Raw(core::FormatMetadata(hit.chunk.document_metadata)).EndObject();
  json.Key("chunk");
  WriteChunk(json, hit.chunk);
  json.EndObject();
}

Response Search(const Services& services, const Request& request) {
  const auto start = std::chrono::steady_clock::now();
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  if (const auto problem = CheckMediaType(request, MediaType::kJson)) return ToResponse(*problem);
  const auto decoded = DecodeSearch(request.body);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  const auto& question = std::get<search::SearchRequest>(decoded);
  const auto answer = services.search.Ask(question, request.deadline);
  if (!answer) return ToResponse(answer.error());
  const std::chrono::duration<double, std::milli> total = std::chrono::steady_clock::now() - start;
  JsonWriter json;
  json.BeginObject().Member("query", question.query).Key("hits").BeginArray();
  for (const search::SearchHit& hit : answer->hits) WriteHit(json, hit);
  json.EndArray().Key("took_ms").BeginObject().Member("embed", answer->embed_ms).Member("index", answer->index_ms);
  json.Member("hydrate", answer->hydrate_ms).Member("total", total.count()).EndObject().EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

}  // namespace

void AddSearchRoutes(const Services& services, std::vector<Route>& routes) {
  routes.push_back({"POST", "/v1/search", Scope::kRead, "search", Surface::kV1,
                    [services](const Request& request) { return Search(services, request); }});
}

}  // namespace millrace::http
