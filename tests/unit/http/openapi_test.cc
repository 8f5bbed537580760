#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>

#include "http/assets.h"
#include "unit/http/fake_services.h"

namespace millrace::http {
namespace {

namespace json = boost::json;

const json::object& Description() {
  static const json::value parsed = json::parse(kOpenApiJson);
  return parsed.as_object();
}

std::string LowerCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

TEST(OpenApi, DescribesExactlyTheRoutes) {
  FakeServices fake;
  std::set<std::string> served, described;
  for (const Route& route : BuildRoutes(fake.services())) {
    if (!route.operation_id.empty())
      served.insert(LowerCase(route.method) + " " + route.pattern + " " + route.operation_id);
  }
  for (const auto& [path, methods] : Description().at("paths").as_object()) {
    for (const auto& [method, operation] : methods.as_object()) {
      described.insert(std::string(method) + " " + std::string(path) + " " +
                       std::string(operation.at("operationId").as_string()));
    }
  }
  EXPECT_EQ(served, described);
}

TEST(OpenApi, NamesTheScopeOfEachRoute) {
  FakeServices fake;
  for (const Route& route : BuildRoutes(fake.services())) {
    if (route.operation_id.empty()) continue;
    const auto& operation = Description().at("paths").at(route.pattern).at(LowerCase(route.method)).as_object();
    if (route.scope == Scope::kNone) {
      EXPECT_TRUE(operation.at("security").as_array().empty()) << route.pattern;
    } else {
      EXPECT_EQ(std::string_view(operation.at("x-scope").as_string()), ScopeName(route.scope)) << route.pattern;
    }
  }
}

/// Every `$ref` in `value` leads somewhere.
void ExpectReferencesResolve(const json::value& value) {
  if (const auto* array = value.if_array()) {
    for (const json::value& element : *array) ExpectReferencesResolve(element);
  }
  const auto* object = value.if_object();
  if (object == nullptr) return;
  for (const auto& [name, member] : *object) {
    ExpectReferencesResolve(member);
    if (name != "$ref") continue;
    boost::system::error_code missing;
    json::value(Description()).find_pointer(std::string_view(member.as_string()).substr(1), missing);
    EXPECT_FALSE(missing) << member.as_string();
  }
}

TEST(OpenApi, HasNoDanglingReference) { ExpectReferencesResolve(json::value(Description())); }

TEST(OpenApi, NamesTheVersion) { EXPECT_EQ(Description().at("info").at("version").as_string(), "0.1.0"); }

TEST(DocsPage, AsksNoOtherHost) {
  for (const std::string_view asset : {kDocsPage, kDocsScript, kDocsStyle}) {
    EXPECT_FALSE(asset.empty());
    EXPECT_EQ(asset.find("://"), std::string_view::npos);
    EXPECT_EQ(asset.find(" style=\""), std::string_view::npos) << "the policy refuses inline styles";
  }
}

}  // namespace
}  // namespace millrace::http
