#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "http/codec.h"
#include "http/delete.h"
#include "http/document_json.h"
#include "http/idempotency.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

constexpr std::int64_t kMaxLimit = 1000;
constexpr double kMaxWaitSeconds = 300;

Response DocumentResponse(const Services& services, const core::DocumentRecord& record) {
  JsonWriter json;
  json.BeginObject();
  WriteDocumentMembers(json, record, services.search.IsSearchable(record.id, record.version));
  json.EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

Response AcceptedResponse(const Services& services, const core::Accepted& accepted, const core::DocumentRecord& record,
                          bool settled) {
  JsonWriter json;
  json.BeginObject();
  WriteDocumentMembers(json, record, services.search.IsSearchable(record.id, record.version));
  json.Member("result", ResultName(accepted.kind)).EndObject();
  Response response;
  response.status = settled ? 200 : 202;
  response.headers.emplace_back("Location", fmt::format("/v1/documents/{}", accepted.id));
  response.body = std::move(json).Take();
  return response;
}

Response CreateDocument(const Services& services, Waiting& waiting, const Request& request) {
  if (const auto problem = CheckQuery(request, {"wait"})) return ToResponse(*problem);
  if (const auto problem = CheckMediaType(request, MediaType::kJson)) return ToResponse(*problem);
  const auto wait_text = Find(request.query, "wait");
  const auto wait = DecodeSeconds("wait", wait_text.value_or("0"), kMaxWaitSeconds);
  if (const auto* problem = std::get_if<Problem>(&wait)) return ToResponse(*problem);
  auto decoded = DecodeDocument(request.body, services.limits);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  auto& document = std::get<core::NewDocument>(decoded);
  document.part = PartOf(request, 0);

  const auto answers = services.intake.Accept({&document, 1}, request.deadline);
  if (!answers) return ToResponse(answers.error());
  const core::Accepted& accepted = answers->front();
  if (wait_text) {
    const Waiting::Place place(waiting);
    const auto until = place.taken() ? base::Deadline::AfterSeconds(std::get<double>(wait)) : base::Deadline::Expired();
    const auto record = waiting.For(accepted, until, request);
    if (!record) return ToResponse(record.error());
    return AcceptedResponse(services, accepted, *record, waiting.IsSettled(*record, accepted.version));
  }
  if (accepted.created_at) return AcceptedResponse(services, accepted, RecordOf(document, accepted), false);
  const auto record = services.documents.Get(accepted.id);
  if (!record) return ToResponse(record.error());
  const bool known = accepted.kind == core::AcceptKind::kUnchanged && record->indexed_version >= accepted.version;
  return AcceptedResponse(services, accepted, *record, known);
}

Decoded<core::DocumentQuery> DecodeListQuery(const Request& request) {
  if (const auto problem = CheckQuery(request, {"status", "key", "text", "limit", "cursor"})) return *problem;
  core::DocumentQuery query;
  if (const auto name = Find(request.query, "status")) {
    query.status = core::ParseStatus(*name);
    if (!query.status) {
      return InvalidField(
          "/status", "must be queued, processing, retrying, indexed, failed, dead_lettered, superseded or deleted");
    }
  }
  if (const auto key = Find(request.query, "key")) query.key = *key;
  if (const auto text = Find(request.query, "text")) query.text = *text;
  const auto limit = DecodeInteger("limit", Find(request.query, "limit").value_or("100"), 1, kMaxLimit);
  if (const auto* problem = std::get_if<Problem>(&limit)) return *problem;
  query.limit = static_cast<std::size_t>(std::get<std::int64_t>(limit));
  if (const auto cursor = Find(request.query, "cursor")) {
    const auto before = DecodeInteger("cursor", *cursor, 1, std::numeric_limits<core::DocumentId>::max());
    if (std::holds_alternative<Problem>(before)) return InvalidField("/cursor", "must be a next_cursor of an answer");
    query.before = std::get<std::int64_t>(before);
  }
  return query;
}

/// Asks for one more than is shown, to know whether a next page exists.
Response ListDocuments(const Services& services, const Request& request) {
  auto decoded = DecodeListQuery(request);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  auto& query = std::get<core::DocumentQuery>(decoded);
  const std::size_t limit = query.limit++;
  auto page = services.documents.List(query);
  if (!page) return ToResponse(page.error());
  const bool more = page->size() > limit;
  if (more) page->resize(limit);
  JsonWriter json;
  json.BeginObject().Key("documents").BeginArray();
  for (const core::DocumentRecord& record : *page) {
    json.BeginObject();
    WriteDocumentMembers(json, record, services.search.IsSearchable(record.id, record.version));
    json.EndObject();
  }
  json.EndArray()
      .Member("next_cursor", more ? std::optional(std::to_string(page->back().id)) : std::nullopt)
      .EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

/// The record that a path names, or why there is none.
Decoded<core::DocumentRecord> FindRecord(const Services& services, const Request& request) {
  const auto id = DecodeDocumentId(request, "id");
  if (const auto* problem = std::get_if<Problem>(&id)) return *problem;
  auto record = services.documents.Get(std::get<core::DocumentId>(id));
  if (!record) return ToProblem(record.error());
  return *std::move(record);
}

Response ShowDocument(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  const auto found = FindRecord(services, request);
  if (const auto* problem = std::get_if<Problem>(&found)) return ToResponse(*problem);
  return DocumentResponse(services, std::get<core::DocumentRecord>(found));
}

/// Which page of a document's chunks or versions is asked for.
struct DocumentPage {
  core::DocumentRecord record;
  std::size_t limit = 0;
  std::int64_t cursor = 0;
};

/// A cursor lies between `lowest` and `highest`; without one the page begins at `first`.
Decoded<DocumentPage> DecodeDocumentPage(const Services& services, const Request& request, std::int64_t first,
                                         std::int64_t lowest, std::int64_t highest) {
  if (const auto problem = CheckQuery(request, {"limit", "cursor"})) return *problem;
  const auto limit = DecodeInteger("limit", Find(request.query, "limit").value_or("100"), 1, kMaxLimit);
  if (const auto* problem = std::get_if<Problem>(&limit)) return *problem;
  const auto given = Find(request.query, "cursor");
  const auto cursor = given ? DecodeInteger("cursor", *given, lowest, highest) : Decoded<std::int64_t>(first);
  if (const auto* problem = std::get_if<Problem>(&cursor)) return *problem;
  auto found = FindRecord(services, request);
  if (const auto* problem = std::get_if<Problem>(&found)) return *problem;
  return DocumentPage{std::get<core::DocumentRecord>(std::move(found)),
                      static_cast<std::size_t>(std::get<std::int64_t>(limit)), std::get<std::int64_t>(cursor)};
}

Response ListChunks(const Services& services, const Request& request) {
  const auto decoded = DecodeDocumentPage(services, request, 0, 0, std::numeric_limits<std::int32_t>::max());
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  const auto& [record, wanted, first] = std::get<DocumentPage>(decoded);
  auto page = services.chunks.ListChunks(record.id, static_cast<std::int32_t>(first), wanted + 1);
  if (!page) return ToResponse(page.error());
  const bool more = page->size() > wanted;
  JsonWriter json;
  json.BeginObject().Key("chunks").BeginArray();
  for (std::size_t i = 0; i < std::min(wanted, page->size()); ++i) WriteChunk(json, (*page)[i]);
  json.EndArray()
      .Member("next_cursor", more ? std::optional(std::to_string((*page)[wanted].chunk.index)) : std::nullopt)
      .EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

constexpr core::Version kMaxVersion = std::numeric_limits<core::Version>::max() - 1;

Response ListVersions(const Services& services, const Request& request) {
  const auto decoded = DecodeDocumentPage(services, request, kMaxVersion, 1, kMaxVersion);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  const auto& [record, wanted, before] = std::get<DocumentPage>(decoded);
  const auto page = services.documents.ListVersions(record.id, before, wanted + 1);
  if (!page) return ToResponse(page.error());
  JsonWriter json;
  json.BeginObject().Key("versions").BeginArray();
  const std::size_t shown = std::min(wanted, page->size());
  for (std::size_t i = 0; i < shown; ++i) WriteVersion(json, (*page)[i], (*page)[i].version == record.version);
  json.EndArray();
  const bool more = page->size() > wanted;
  json.Member("next_cursor", more ? std::optional(std::to_string((*page)[shown - 1].version)) : std::nullopt);
  json.EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

/// Makes `record` what an older version said, as far as its content goes.
std::optional<Problem> ChooseVersion(const Services& services, std::string_view text, core::DocumentRecord& record) {
  const auto version = DecodeInteger("version", text, 1, kMaxVersion);
  if (const auto* problem = std::get_if<Problem>(&version)) return *problem;
  const core::Version wanted = std::get<std::int64_t>(version);
  const auto kept = services.documents.ListVersions(record.id, wanted + 1, 1);
  if (!kept) return ToProblem(kept.error());
  if (kept->empty() || kept->front().version != wanted) {
    return ToProblem(
        {base::Code::kNotFound,
         fmt::format("The text of version {} of document {} is not there; an overtaken one stays for {} hours.", wanted,
                     record.id, core::kOvertakenKept.count()),
         "/version"});
  }
  record.version = wanted;
  record.content_bytes = kept->front().content_bytes;
  return std::nullopt;
}

Response ShowContent(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {"version"})) return ToResponse(*problem);
  auto found = FindRecord(services, request);
  if (const auto* problem = std::get_if<Problem>(&found)) return ToResponse(*problem);
  auto& record = std::get<core::DocumentRecord>(found);
  if (const auto version = Find(request.query, "version")) {
    if (const auto problem = ChooseVersion(services, *version, record)) return ToResponse(*problem);
  }
  auto first = services.contents.ReadPart(record.id, record.version, 0);
  if (!first) return ToResponse(first.error());
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(*first);
  if (static_cast<std::int64_t>(response.body.size()) == record.content_bytes) return response;
  auto sent = std::make_shared<std::int64_t>(static_cast<std::int64_t>(response.body.size()));
  response.next_part = [&contents = services.contents, id = record.id, version = record.version,
                        bytes = record.content_bytes, sent,
                        part = std::make_shared<std::int32_t>(0)]() -> base::Result<std::string> {
    if (*sent >= bytes) return std::string();
    ASSIGN_OR_RETURN(std::string text, contents.ReadPart(id, version, ++*part));
    *sent += static_cast<std::int64_t>(text.size());
    return text;
  };
  return response;
}

Response DeleteDocument(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {"verify", "timeout"})) return ToResponse(*problem);
  const auto id = DecodeDocumentId(request, "id");
  if (const auto* problem = std::get_if<Problem>(&id)) return ToResponse(*problem);
  if (auto receipt = DeleteVerified(services, request, std::get<core::DocumentId>(id), "id"))
    return *std::move(receipt);
  const auto deleted = services.intake.Delete(std::get<core::DocumentId>(id), request.deadline);
  if (!deleted) return ToResponse(deleted.error());
  JsonWriter json;
  json.BeginObject().Member("id", std::get<core::DocumentId>(id)).Member("status", "deleted").EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

}  // namespace

void AddDocumentRoutes(const Services& services, std::shared_ptr<Waiting> waiting, std::vector<Route>& routes) {
  const auto add = [&](const char* method, const char* pattern, Scope scope, const char* operation,
                       Response (*answer)(const Services&, const Request&)) {
    Handler handler = [services, answer](const Request& request) { return answer(services, request); };
    routes.push_back({method, pattern, scope, operation, Surface::kV1, std::move(handler)});
  };
  routes.push_back(
      {"POST", "/v1/documents", Scope::kWrite, "createDocument", Surface::kV1,
       [services, waiting](const Request& request) { return CreateDocument(services, *waiting, request); }});
  add("GET", "/v1/documents", Scope::kRead, "listDocuments", ListDocuments);
  add("GET", "/v1/documents/{id}", Scope::kRead, "getDocument", ShowDocument);
  add("DELETE", "/v1/documents/{id}", Scope::kWrite, "deleteDocument", DeleteDocument);
  add("GET", "/v1/documents/{id}/chunks", Scope::kRead, "listChunks", ListChunks);
  add("GET", "/v1/documents/{id}/versions", Scope::kRead, "listVersions", ListVersions);
  add("GET", "/v1/documents/{id}/content", Scope::kRead, "getContent", ShowContent);
}

}  // namespace millrace::http
