#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/router.h"
#include "unit/http/fake_services.h"

namespace millrace::http {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpRoutes : public testing::Test {
 protected:
  Response Ask(std::string method, std::string target, std::string body = {}, NamedValues headers = {}) {
    Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers = std::move(headers);
    if (!request.header("host")) request.headers.emplace_back("host", "localhost:8000");
    if (auto refusal = router_.Admit(request)) return *refusal;
    Response response = router_.Run(request);
    while (response.next_part) {
      const auto part = response.next_part();
      if (!part) {
        response.body += "BROKEN OFF";
        break;
      }
      if (part->empty()) break;
      response.body += *part;
    }
    return response;
  }
  std::string Body(std::string method, std::string target, std::string body = {}) {
    return Ask(std::move(method), std::move(target), std::move(body)).body;
  }

  FakeServices fake_;
  Router router_{BuildRoutes(fake_.services()), AccessOptions{}, fake_.metrics};
};

constexpr char kGuide[] =
    R"({"title":"Python Guide","content":"Python is a programming language. It is easy to learn."})";

TEST_F(HttpRoutes, ContractAddsSync) {
  const Response response = Ask("POST", "/documents", kGuide);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, R"({"status":"success","document_id":1,"chunks_created":2,"processing_mode":"sync"})");
  EXPECT_TRUE(fake_.accepted[0].sync);
  EXPECT_EQ(fake_.accepted[0].chunking.strategy, core::ChunkStrategy::kSentence);
}

TEST_F(HttpRoutes, ContractAddsAsync) {
  for (const char* yes : {"true", "1", "yes", "on", "True"}) {
    EXPECT_THAT(Body("POST", "/documents?async_mode=" + std::string(yes), kGuide),
                AllOf(StartsWith(R"({"status":"accepted","document_id":)"),
                      EndsWith(R"(,"message":"Document queued for async processing","processing_mode":"async"})")));
  }
  EXPECT_FALSE(fake_.accepted[0].sync);
  EXPECT_THAT(Body("POST", "/documents?async_mode=off&unknown=1", kGuide), HasSubstr(R"("processing_mode":"sync")"));
  EXPECT_EQ(Ask("POST", "/documents?async_mode=maybe", kGuide).status, 422);
}

TEST_F(HttpRoutes, ContractListsAllNewestFirst) {
  EXPECT_EQ(Body("GET", "/documents"), R"({"documents":[]})");
  for (int i = 0; i < 2000; ++i) Body("POST", "/documents", kGuide);
  const std::string body = Body("GET", "/documents");
  EXPECT_THAT(
      body,
      StartsWith(R"({"documents":[{"id":2000,"title":"Python Guide","created_at":"2024-01-15 10:30:00"},{"id":1999,)"));
  EXPECT_THAT(body, EndsWith(R"({"id":1,"title":"Python Guide","created_at":"2024-01-15 10:30:00"}]})"));
  EXPECT_EQ(std::count(body.begin(), body.end(), '{'), 2001);
  EXPECT_EQ(body.find(",,"), std::string::npos);
}

TEST_F(HttpRoutes, ContractListFailsAsAWhole) {
  fake_.list_error = base::Error{base::Code::kUnavailable, "away", {}};
  EXPECT_EQ(Ask("GET", "/documents").status, 503);
}

TEST_F(HttpRoutes, ContractSearches) {
  EXPECT_EQ(Body("POST", "/search", R"({"question":"q"})"),
            R"({"query":"q","results":[{"chunk_id":71,"text":"text 1","document_title":"A title","similarity":0.5}]})");
  EXPECT_EQ(fake_.asked.top_k, 3u);
  fake_.empty_index = true;
  EXPECT_EQ(Body("POST", "/search", R"({"question":"q"})"), R"({"results":[],"message":"No documents found"})");
  fake_.ask_error = base::Error{base::Code::kOverloaded, "too much", {}};
  EXPECT_EQ(Ask("POST", "/search", R"({"question":"q"})").status, 503);
}

TEST_F(HttpRoutes, ContractDeletes) {
  Body("POST", "/documents", kGuide);
  EXPECT_EQ(Body("DELETE", "/documents/1"), R"({"status":"deleted","document_id":1})");
  EXPECT_EQ(Ask("DELETE", "/documents/1").status, 404);
  EXPECT_EQ(Ask("DELETE", "/documents/x").status, 422);
}

TEST_F(HttpRoutes, ContractShowsHealthAndRoot) {
  EXPECT_EQ(Body("GET", "/health"),
            R"({"redis":"connected","mysql":"connected","kafka":"disconnected: away","mode":"embedded"})");
  EXPECT_EQ(Body("GET", "/"), R"({"message":"Simple RAG Knowledge Base API"})");
  const Response html = Ask("GET", "/", {}, {{"accept", "text/html,*/*"}});
  EXPECT_EQ(html.status, 303);
  EXPECT_EQ(Find(html.headers, "Location"), "/console/");
}

TEST_F(HttpRoutes, OtherMediaTypesAreRefused) {
  for (const char* path : {"/documents", "/search", "/v1/documents", "/v1/search"}) {
    EXPECT_EQ(Ask("POST", path, "{}", {{"content-type", "text/plain"}}).status, 415) << path;
    EXPECT_EQ(Ask("POST", path, "{", {{"content-type", "application/json"}}).status, 400) << path;
  }
}

TEST_F(HttpRoutes, CreatesADocument) {
  const Response response = Ask("POST", "/v1/documents", R"({"content":"x","key":"k","metadata":{"a":1}})");
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(Find(response.headers, "Location"), "/v1/documents/1");
  EXPECT_THAT(
      response.body,
      StartsWith(
          R"({"id":1,"key":"k","title":"","status":"queued","version":1,"indexed_version":0,)"
          R"("searchable":false,"chunks":0,"content_bytes":1,"attempts":0,"next_attempt_at":null,"metadata":{"a":1},)"
          R"("chunking":{"strategy":"passage","max_tokens":200,"overlap_tokens":0},)"
          R"("created_at":"2024-01-15T10:30:00.250Z",)"));
  EXPECT_THAT(response.body, EndsWith(R"("steps":{"received":null,"chunked":null,"embedded":null,"stored":null},)"
                                      R"("error":null,"warning":null,"position":null,"result":"created"})"));
  EXPECT_THAT(Body("POST", "/v1/documents", R"({"content":"y","key":"k"})"), EndsWith(R"("result":"updated"})"));
}

TEST_F(HttpRoutes, AnUnchangedIndexedDocumentIs200) {
  fake_.process_at_once = true;
  EXPECT_EQ(Ask("POST", "/v1/documents", R"({"content":"x","key":"k"})").status, 202);
  const Response again = Ask("POST", "/v1/documents", R"({"content":"x","key":"k"})");
  EXPECT_EQ(again.status, 200);
  EXPECT_THAT(again.body, EndsWith(R"("result":"unchanged"})"));
}

TEST_F(HttpRoutes, WaitsForADocument) {
  EXPECT_EQ(Ask("POST", "/v1/documents?wait=0", R"({"content":"x"})").status, 202);
  fake_.process_on_wait = true;
  const Response response = Ask("POST", "/v1/documents?wait=5", R"({"content":"x"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr(R"("searchable":true)"));
  for (const char* bad : {"-1", "301", "x", ""}) {
    EXPECT_EQ(Ask("POST", "/v1/documents?wait=" + std::string(bad), R"({"content":"x"})").status, 422) << bad;
  }
}

TEST_F(HttpRoutes, AWaitThatEndsInTheVeryMomentAnswersWithWhatIsSearchable) {
  fake_.process_late = true;
  const Response response = Ask("POST", "/v1/documents?wait=5", R"({"content":"x"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, AllOf(HasSubstr(R"("status":"indexed")"), HasSubstr(R"("searchable":true)")));
}

TEST_F(HttpRoutes, AFailedDocumentEndsTheWait) {
  Body("POST", "/v1/documents", R"({"content":"x","key":"k"})");
  fake_.records[1].status = core::DocumentStatus::kFailed;
  fake_.records[1].error = core::DocumentError{"no_text", "there is no text", "chunk"};
  const Response response = Ask("POST", "/v1/documents?wait=60", R"({"content":"y","key":"k"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr(R"("error":{"code":"no_text","message":"there is no text","stage":"chunk"})"));
}

TEST_F(HttpRoutes, PagesDocuments) {
  for (int i = 0; i < 5; ++i) Body("POST", "/v1/documents", R"({"content":"x"})");
  const std::string first = Body("GET", "/v1/documents?limit=2");
  EXPECT_THAT(first, AllOf(HasSubstr(R"("id":5,)"), HasSubstr(R"("id":4,)"), Not(HasSubstr(R"("id":3,)")),
                           EndsWith(R"("next_cursor":"4"})")));
  EXPECT_THAT(Body("GET", "/v1/documents?limit=3&cursor=4"),
              AllOf(StartsWith(R"({"documents":[{"id":3,)"), EndsWith(R"("next_cursor":null})")));
  EXPECT_THAT(Body("GET", "/v1/documents?status=indexed"), StartsWith(R"({"documents":[],)"));
  for (const char* bad : {"limit=0", "limit=1001", "cursor=x", "status=lost", "unknown=1", "limit=1&limit=2"}) {
    EXPECT_EQ(Ask("GET", "/v1/documents?" + std::string(bad)).status, 422) << bad;
  }
}

TEST_F(HttpRoutes, ShowsOneDocumentItsChunksAndContent) {
  Body("POST", "/v1/documents", R"({"content":"0123456789"})");
  EXPECT_THAT(Body("GET", "/v1/documents/1"), StartsWith(R"({"id":1,"key":null,)"));
  EXPECT_EQ(Body("GET", "/v1/documents/1/chunks?limit=1&cursor=4"),
            R"({"chunks":[{"id":14,"index":4,"text":"text 4","range":{"start":0,"end":6}}],"next_cursor":null})");
  EXPECT_THAT(Body("GET", "/v1/documents/1/chunks?limit=2"), EndsWith(R"("next_cursor":"2"})"));
  const Response content = Ask("GET", "/v1/documents/1/content");
  EXPECT_EQ(content.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(content.body, "0123456789");
  fake_.bodies[1] = "0123";  // the store lost a part
  EXPECT_THAT(Body("GET", "/v1/documents/1/content"), EndsWith("BROKEN OFF"));
  for (const char* path : {"/v1/documents/2", "/v1/documents/2/chunks", "/v1/documents/2/content"}) {
    EXPECT_EQ(Ask("GET", path).status, 404) << path;
  }
  EXPECT_EQ(Body("DELETE", "/v1/documents/1"), R"({"id":1,"status":"deleted"})");
  EXPECT_EQ(Ask("DELETE", "/v1/documents/1").status, 404);
  EXPECT_EQ(Ask("GET", "/v1/documents/bulk").status, 405);
}

TEST_F(HttpRoutes, ListsVersionsAndShowsTheContentOfOne) {
  Body("POST", "/v1/documents", R"({"content":"0123"})");
  const core::Timestamp overtaken{std::chrono::hours(24 * 365)};
  fake_.records[1].version = 3;
  fake_.versions[1] = {
      {3, "three", {}, {}, 4, false, {}}, {2, "two", {}, {}, 4, true, {}}, {1, "one", {}, {}, 4, false, overtaken}};
  EXPECT_EQ(
      Body("GET", "/v1/documents/1/versions?limit=1"),
      R"({"versions":[{"version":3,"title":"three","newest":true,"indexed":false,"content_bytes":4,"metadata":{},)"
      R"("chunking":{"strategy":"passage","max_tokens":200,"overlap_tokens":0},"overtaken_at":null,"kept_until":null}],)"
      R"("next_cursor":"3"})");
  EXPECT_THAT(Body("GET", "/v1/documents/1/versions?cursor=3"),
              AllOf(StartsWith(R"({"versions":[{"version":2,"title":"two","newest":false,"indexed":true,)"),
                    HasSubstr(R"("overtaken_at":"1971-01-01T00:00:00.000Z","kept_until":"1971-01-02T00:00:00.000Z"}])"),
                    EndsWith(R"("next_cursor":null})")));
  for (const char* bad :
       {"versions?limit=0", "versions?cursor=0", "versions?of=1", "content?version=0", "content?version=x"}) {
    EXPECT_EQ(Ask("GET", "/v1/documents/1/" + std::string(bad)).status, 422) << bad;
  }
  EXPECT_EQ(Body("GET", "/v1/documents/1/content?version=2"), "0123");
  for (const char* gone : {"1/content?version=4", "2/content?version=1", "2/versions"}) {
    EXPECT_EQ(Ask("GET", "/v1/documents/" + std::string(gone)).status, 404) << gone;
  }
}

TEST_F(HttpRoutes, BulkAnswersLineByLine) {
  const Response response =
      Ask("POST", "/v1/documents/bulk",
          "{\"content\":\"a\",\"key\":\"k\"}\r\n\n{bad\n{\"content\":\"\"}\n{\"content\":\"b\",\"key\":\"k\"}");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/x-ndjson");
  EXPECT_THAT(response.body, StartsWith("{\"line\":1,\"result\":\"created\",\"document_id\":1,\"version\":1}\n"
                                        "{\"line\":3,\"result\":\"rejected\",\"error\":{\"status\":400,"));
  EXPECT_THAT(response.body, HasSubstr("\n{\"line\":4,\"result\":\"rejected\",\"error\":{\"status\":422,"));
  EXPECT_THAT(response.body, EndsWith("\n{\"line\":5,\"result\":\"updated\",\"document_id\":1,\"version\":2}\n"));
  EXPECT_EQ(Body("POST", "/v1/documents/bulk", ""), "");
}

TEST_F(HttpRoutes, BulkWaits) {
  fake_.process_on_wait = true;
  EXPECT_EQ(Body("POST", "/v1/documents/bulk?wait=5", "{\"content\":\"a\"}\n"),
            "{\"line\":1,\"result\":\"created\",\"document_id\":1,\"version\":1,\"status\":\"indexed\"}\n");
}

TEST_F(HttpRoutes, BulkIsBoundedAndRefusedAsAWholeWhenNothingCameIn) {
  std::string many;
  for (int i = 0; i <= 10'000; ++i) many += "{}\n";
  EXPECT_EQ(Ask("POST", "/v1/documents/bulk", many).status, 413);
  fake_.accept_error = base::Error{base::Code::kOverloaded, "too much", {}};
  EXPECT_EQ(Ask("POST", "/v1/documents/bulk", "{\"content\":\"a\"}\n{bad").status, 503);
  EXPECT_EQ(Ask("POST", "/v1/documents/bulk", "{bad").status, 200);
}

TEST_F(HttpRoutes, Searches) {
  const std::string body = Body("POST", "/v1/search", R"({"query":"q","top_k":5})");
  EXPECT_THAT(
      body, StartsWith(R"({"query":"q","hits":[{"score":0.5,"document":{"id":7,"key":null,"title":"A title",)"
                       R"("metadata":{"lang":"en"}},"chunk":{"id":71,"index":1,"text":"text 1",)"
                       R"("range":{"start":0,"end":6}}}],"took_ms":{"embed":0.0,"index":0.0,"hydrate":0.0,"total":)"));
  EXPECT_EQ(fake_.asked.top_k, 5u);
}

TEST_F(HttpRoutes, StreamsEventsOfOneDocument) {
  Response response = Ask("GET", "/v1/events?document_id=2");
  EXPECT_THAT(response.body, StartsWith("event: hello\ndata: {\"server_time\":\""));
  ASSERT_NE(response.events, nullptr);
  int signals = 0;
  response.events->Start([&signals] { ++signals; });
  core::DocumentEvent event;
  event.status = core::DocumentStatus::kIndexed;
  event.position = {"document-events", 1, 42};
  event.document_id = 1;
  fake_.events.Publish({event});
  event.document_id = 2;
  fake_.events.Publish({event});
  EXPECT_EQ(signals, 1);
  const std::string text = response.events->Take();
  EXPECT_THAT(text, StartsWith("id: 1-42\nevent: document.indexed\ndata: {"));
  EXPECT_THAT(text, AllOf(HasSubstr("\"document_id\":2"), Not(HasSubstr("\"document_id\":1")), EndsWith("}\n\n")));
  fake_.events.Publish(std::vector<core::DocumentEvent>(search::EventHub::kMaxBuffered + 3, event));
  EXPECT_THAT(response.events->Take(), StartsWith("event: dropped\ndata: {\"dropped\":3}\n\nid: "));
  EXPECT_EQ(response.events->Take(), "");
  EXPECT_EQ(Ask("GET", "/v1/events?document_id=0").status, 422);
}

TEST_F(HttpRoutes, ShowsTheServer) {
  EXPECT_EQ(Body("GET", "/v1/version"), R"({"version":"0.1.0","model":"model","mode":"embedded"})");
  EXPECT_EQ(Body("GET", "/v1/config"),
            R"({"settings":[{"name":"listen","value":"127.0.0.1:8000","source":"default"}]})");
  EXPECT_THAT(
      Body("GET", "/v1/status"),
      AllOf(
          HasSubstr(R"("documents":{"queued":0,"processing":0,"retrying":0,"indexed":0,"failed":0,"dead_lettered":0,)"),
          HasSubstr(R"("low":1,"high":5,"committed":null,"lag":4}],"error":null})"),
          EndsWith(R"("seconds_left":null,"instances":{"servers":0,"workers":0}})")));
  EXPECT_EQ(Body("GET", "/livez"), R"({"status":"ok"})");
  EXPECT_EQ(Body("GET", "/readyz"), R"({"status":"ready"})");
  fake_.state = admin::Readiness::kLoadingIndex;
  EXPECT_EQ(Ask("GET", "/readyz").status, 503);
  EXPECT_EQ(Body("GET", "/readyz"), R"({"status":"loading index"})");
  EXPECT_THAT(Body("GET", "/metrics"), HasSubstr("millrace_http_in_flight_requests"));
}

}  // namespace
}  // namespace millrace::http
