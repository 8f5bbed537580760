#include "http/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/http/fake_services.h"

namespace millrace::http {
namespace {

class HttpAccess : public testing::Test {
 protected:
  Response Ask(std::string method, std::string target, NamedValues headers = {}) {
    Router router(BuildRoutes(fake_.services()), options_, fake_.metrics);
    Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.headers = std::move(headers);
    if (!request.header("host")) request.headers.emplace_back("host", "localhost:8000");
    auto answer = router.Admit(request);
    Response response = answer ? *std::move(answer) : router.Run(request);
    router.Finish(request, 0, response);
    return response;
  }
  int Status(std::string method, std::string target, std::string key) {
    return Ask(std::move(method), std::move(target), {{"authorization", std::move(key)}}).status;
  }

  FakeServices fake_;
  AccessOptions options_;
};

TEST_F(HttpAccess, V1AnswersToOurHostsOnly) {
  options_.listen_host = "10.1.2.3";
  options_.allowed_hosts = {"Kb.Example"};
  for (const char* ours :
       {"localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000", "10.1.2.3:80", "kb.example:443"}) {
    EXPECT_EQ(Ask("GET", "/v1/version", {{"host", ours}}).status, 200) << ours;
  }
  for (const char* other :
       {"evil.example", "", "localhost.evil.example", "localhost:80x", "[::2]", "kb.example.", "127.0.0.1@x"}) {
    EXPECT_EQ(Ask("GET", "/v1/version", {{"host", other}}).status, 421) << other;
    EXPECT_EQ(Ask("GET", "/health", {{"host", other}}).status, 200) << other;
  }
}

TEST_F(HttpAccess, EveryAddressIsOursWhenWeListenOnAll) {
  for (const char* all : {"0.0.0.0", "::"}) {
    options_.listen_host = all;
    for (const char* ours : {"10.1.2.3:8000", "192.168.0.9", "[fe80::1]:8000", "localhost"}) {
      EXPECT_EQ(Ask("GET", "/v1/version", {{"host", ours}}).status, 200) << ours;
    }
    for (const char* other : {"evil.example", "10.1.2.3.evil.example", "10.1.2", "[evil]", "[::1", "fe80::1", ""}) {
      EXPECT_EQ(Ask("GET", "/v1/version", {{"host", other}}).status, 421) << other;
    }
  }
}

TEST_F(HttpAccess, V1RefusesPagesOfOtherSites) {
  EXPECT_EQ(Ask("GET", "/v1/version", {{"origin", "http://localhost:8000"}}).status, 200);
  for (const char* other : {"http://evil.example", "null", "http://localhost:9000", ""}) {
    EXPECT_EQ(Ask("GET", "/v1/version", {{"origin", other}}).status, 403) << other;
  }
}

TEST_F(HttpAccess, OnlyTheContractIsOpenToOtherOrigins) {
  const NamedValues origin = {{"origin", "http://a.example"}};
  EXPECT_EQ(Find(Ask("GET", "/health", origin).headers, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(Find(Ask("DELETE", "/documents/9", origin).headers, "Access-Control-Allow-Origin"), "*");
  EXPECT_FALSE(Find(Ask("GET", "/v1/version", origin).headers, "Access-Control-Allow-Origin"));
  EXPECT_FALSE(Find(Ask("OPTIONS", "/v1/search", origin).headers, "Access-Control-Allow-Methods"));
  EXPECT_EQ(Find(Ask("OPTIONS", "/search", origin).headers, "Access-Control-Allow-Methods"), "OPTIONS, POST");
  options_.cors_origin = "https://kb.example";
  EXPECT_EQ(Find(Ask("GET", "/health", origin).headers, "Access-Control-Allow-Origin"), "https://kb.example");
  options_.cors_origin = "";
  EXPECT_FALSE(Find(Ask("GET", "/health", origin).headers, "Access-Control-Allow-Origin"));
}

TEST_F(HttpAccess, KeysGuardEveryRouteByScope) {
  options_.keys = *ApiKeys::Parse("r read\nw write\na admin");
  const std::string read = "Bearer r", write = "bearer  w", admin = "BEARER a";
  const Response refused = Ask("GET", "/documents");
  EXPECT_EQ(refused.status, 401);
  EXPECT_TRUE(Find(refused.headers, "WWW-Authenticate"));
  for (const char* wrong : {"Bearer x", "Bearer ", "Basic r", "r", "Bearer rr"}) {
    EXPECT_EQ(Status("GET", "/documents", wrong), 401) << wrong;
  }
  EXPECT_EQ(Status("GET", "/documents", read), 200);
  EXPECT_EQ(Status("GET", "/metrics", read), 200);
  EXPECT_EQ(Status("DELETE", "/documents/9", read), 403);
  EXPECT_EQ(Status("DELETE", "/documents/9", write), 404);
  EXPECT_EQ(Status("GET", "/v1/config", write), 403);
  EXPECT_EQ(Status("GET", "/v1/config", admin), 200);
  EXPECT_EQ(Ask("GET", "/openapi.json").status, 401);
  for (const char* open : {"/livez", "/readyz", "/docs", "/docs/app.js"})
    EXPECT_EQ(Ask("GET", open).status, 200) << open;
  EXPECT_EQ(Ask("OPTIONS", "/search").status, 204);
}

TEST_F(HttpAccess, KeepsHarmlessRequestIds) {
  EXPECT_EQ(Find(Ask("GET", "/livez", {{"x-request-id", "abc-1"}}).headers, "X-Request-Id"), "abc-1");
  EXPECT_NE(Find(Ask("GET", "/livez", {{"x-request-id", "a b"}}).headers, "X-Request-Id"), "a b");
}

}  // namespace
}  // namespace millrace::http
