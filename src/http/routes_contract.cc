#include <memory>
#include <utility>

#include "http/codec.h"
#include "http/delete.h"
#include "http/idempotency.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

Response ContractResponse(JsonWriter&& json) {
  Response response;
  response.body = std::move(json).Take();
  return response;
}

Response Greet(const Request&) {
  Response response;
  response.body = R"({"message":"Simple RAG Knowledge Base API"})";
  return response;
}

Response AddSync(const Services& services, const Request& request, core::NewDocument document) {
  document.sync = true;
  const auto outcome = services.intake.AcceptAndIndex(std::move(document), request.deadline);
  if (!outcome) return ToResponse(outcome.error());
  JsonWriter json;
  json.BeginObject().Member("status", "success").Member("document_id", outcome->id);
  json.Member("chunks_created", outcome->chunks).Member("processing_mode", "sync").EndObject();
  return ContractResponse(std::move(json));
}

Response AddAsync(const Services& services, const Request& request, const core::NewDocument& document) {
  const auto accepted = services.intake.Accept({&document, 1}, request.deadline);
  if (!accepted) return ToResponse(accepted.error());
  JsonWriter json;
  json.BeginObject().Member("status", "accepted").Member("document_id", accepted->front().id);
  json.Member("message", "Document queued for async processing").Member("processing_mode", "async").EndObject();
  return ContractResponse(std::move(json));
}

Response AddDocument(const Services& services, const Request& request) {
  bool is_async = false;
  if (const auto text = Find(request.query, "async_mode")) {
    const auto mode = DecodeBool("async_mode", *text);
    if (const auto* problem = std::get_if<Problem>(&mode)) return ToResponse(*problem);
    is_async = std::get<bool>(mode);
  }
  if (const auto problem = CheckMediaType(request, MediaType::kJson)) return ToResponse(*problem);
  auto decoded = DecodeContractDocument(request.body, services.limits);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  auto& document = std::get<core::NewDocument>(decoded);
  document.part = PartOf(request, 0);
  return is_async ? AddAsync(services, request, document) : AddSync(services, request, std::move(document));
}

/// The list of all documents, a page of the store at a time, so that its length does not matter.
class AllDocuments {
 public:
  explicit AllDocuments(core::DocumentStore& store) : store_(store) {}

  base::Result<std::string> Next() {
    if (ended_) return std::string();
    core::DocumentQuery query;
    query.before = before_;
    query.limit = kPage;
    ASSIGN_OR_RETURN(const auto page, store_.List(query));
    std::string text = before_ ? "" : R"({"documents":[)";
    for (const core::DocumentRecord& record : page) {
      if (before_) text += ',';
      JsonWriter json;
      json.BeginObject().Member("id", record.id).Member("title", record.title);
      json.Member("created_at", core::FormatSqlTimestamp(record.created_at)).EndObject();
      text += json.text();
      before_ = record.id;
    }
    ended_ = page.size() < kPage;
    if (ended_) text += "]}";
    return text;
  }

  bool ended() const { return ended_; }

 private:
  static constexpr std::size_t kPage = 1000;

  core::DocumentStore& store_;
  std::optional<core::DocumentId> before_;
  bool ended_ = false;
};

Response ListDocuments(const Services& services) {
  auto all = std::make_shared<AllDocuments>(services.documents);
  auto first = all->Next();
  if (!first) return ToResponse(first.error());
  Response response;
  response.body = std::move(*first);
  if (!all->ended()) response.next_part = [all] { return all->Next(); };
  return response;
}

Response SearchChunks(const Services& services, const Request& request) {
  if (const auto problem = CheckMediaType(request, MediaType::kJson)) return ToResponse(*problem);
  const auto decoded = DecodeContractSearch(request.body);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  const auto& question = std::get<search::SearchRequest>(decoded);
  const auto answer = services.search.Ask(question, request.deadline);
  if (!answer) return ToResponse(answer.error());
  JsonWriter json;
  if (answer->no_documents) {
    json.BeginObject().Key("results").BeginArray().EndArray().Member("message", "No documents found").EndObject();
    return ContractResponse(std::move(json));
  }
  json.BeginObject().Member("query", question.query).Key("results").BeginArray();
  for (const search::SearchHit& hit : answer->hits) {
    json.BeginObject().Member("chunk_id", hit.chunk.id).Member("text", hit.chunk.chunk.text);
    json.Member("document_title", hit.chunk.document_title).Member("similarity", hit.score).EndObject();
  }
  json.EndArray().EndObject();
  return ContractResponse(std::move(json));
}

Response DeleteDocument(const Services& services, const Request& request) {
  const auto id = DecodeDocumentId(request, "document_id");
  if (const auto* problem = std::get_if<Problem>(&id)) return ToResponse(*problem);
  if (auto receipt = DeleteVerified(services, request, std::get<core::DocumentId>(id), "document_id"))
    return *std::move(receipt);
  const auto deleted = services.intake.Delete(std::get<core::DocumentId>(id), request.deadline);
  if (!deleted) return ToResponse(deleted.error());
  JsonWriter json;
  json.BeginObject().Member("status", "deleted").Member("document_id", std::get<core::DocumentId>(id)).EndObject();
  return ContractResponse(std::move(json));
}

}  // namespace

void AddContractRoutes(const Services& services, std::vector<Route>& routes) {
  const auto add = [&](const char* method, const char* pattern, Scope scope, const char* operation, Handler handler) {
    routes.push_back({method, pattern, scope, operation, Surface::kContract, std::move(handler)});
  };
  add("GET", "/", Scope::kRead, "root", Greet);
  routes.back().page = "/console/";
  add("POST", "/documents", Scope::kWrite, "addDocument",
      [services](const Request& request) { return AddDocument(services, request); });
  add("GET", "/documents", Scope::kRead, "listAllDocuments",
      [services](const Request&) { return ListDocuments(services); });
  add("POST", "/search", Scope::kRead, "searchChunks",
      [services](const Request& request) { return SearchChunks(services, request); });
  add("DELETE", "/documents/{document_id}", Scope::kWrite, "removeDocument",
      [services](const Request& request) { return DeleteDocument(services, request); });
}

}  // namespace millrace::http
