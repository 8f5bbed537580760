#include "http/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/json_writer.h"

namespace millrace::http {
namespace {

using testing::HasSubstr;

struct BadBody {
  std::string body;
  int status;
  std::string pointer;  // of the first error, empty when none
  std::string detail;   // a part of it
};

template <typename T>
void ExpectProblem(const Decoded<T>& decoded, const BadBody& bad) {
  const auto* problem = std::get_if<Problem>(&decoded);
  ASSERT_NE(problem, nullptr) << bad.body;
  EXPECT_EQ(problem->status, bad.status) << bad.body;
  EXPECT_THAT(problem->detail, HasSubstr(bad.detail)) << bad.body;
  EXPECT_EQ(problem->errors.empty() ? "" : problem->errors[0].pointer, bad.pointer) << bad.body;
}

const core::DocumentLimits kLimits;

TEST(ContractDocument, RefusesBadBodies) {
  const std::vector<BadBody> cases = {
      {"", 400, "", "empty"},
      {"  \n", 400, "", "empty"},
      {"{", 400, "", "ends too early"},
      {"{}x", 400, "", "something follows"},
      {"{'a':1}", 400, "", "not JSON"},
      {"\xef\xbb\xbf{}", 400, "", "not JSON"},
      {"{\"content\":\"\xff\"}", 400, "", "UTF-8"},
      {"{\"content\":\"\xed\xa0\x80\"}", 400, "", "UTF-8"},
      {R"({"content":"\ud800"})", 400, "", "surrogate"},
      {R"({"content":"\ud83dx"})", 400, "", "surrogate"},
      {R"({"content":"\udc00"})", 400, "", "surrogate"},
      {R"({"content":"\ud800\u0041"})", 400, "", "surrogate"},
      {std::string(40, '['), 400, "", "32 levels"},
      {"{\"content\":" + std::string(100'000, '['), 400, "", "32 levels"},
      {"[]", 422, "", "must be a JSON object, not an array"},
      {"null", 422, "", "not null"},
      {"{}", 422, "/title", "title is missing; it must be a string; content is missing"},
      {R"({"title":1,"content":"x"})", 422, "/title", "title must be a string, not a number"},
      {R"({"title":null,"content":"x"})", 422, "/title", "title must be a string, not null"},
      {R"({"title":"a","content":["x"]})", 422, "/content", "content must be a string, not an array"},
      {R"({"title":"a","content":"x\u0000y"})", 422, "/content", "U+0000"},
      {R"({"title":"a","content":"  \n "})", 422, "/content", "blank"},
      {R"({"title":")" + std::string(256, 't') + R"(","content":"x"})", 422, "/title", "255"},
  };
  for (const BadBody& bad : cases) ExpectProblem(DecodeContractDocument(bad.body, kLimits), bad);
}

TEST(ContractDocument, TakesWhatClientsSend) {
  const auto decoded =
      DecodeContractDocument(R"( {"extra":[1],"title":"a","title":"b","content":"caf\u00e9 \ud83d\ude00"} )", kLimits);
  const auto& document = std::get<core::NewDocument>(decoded);
  EXPECT_EQ(document.title, "b");
  EXPECT_EQ(document.content, "café 😀");
  EXPECT_EQ(document.chunking.strategy, core::ChunkStrategy::kSentence);
  EXPECT_FALSE(document.key);
}

TEST(Document, RefusesBadBodies) {
  const std::vector<BadBody> cases = {
      {R"({"content":"x","contents":"y","a/b~c":1})", 422, "/contents", "contents is not a member known here"},
      {R"({"content":"x","a/b~c":1})", 422, "/a~1b~0c", "not a member known here"},
      {R"({"title":"x"})", 422, "/content", "content is missing"},
      {R"({"content":"x","key":""})", 422, "/key", "empty"},
      {R"({"content":"x","key":7})", 422, "/key", "key must be a string, not a number"},
      {R"({"content":"x","metadata":[]})", 422, "/metadata", "must be an object, not an array"},
      {R"({"content":"x","metadata":{"a":{"b":1}}})", 422, "/metadata/a", ""},
      {R"({"content":"x","metadata":{"a":1e999}})", 422, "/metadata", ""},
      {R"({"content":"x","chunking":"passage"})", 422, "/chunking", "must be an object, not a string"},
      {R"({"content":"x","chunking":{"strategy":"words"}})", 422, "/chunking/strategy", "sentence, passage or whole"},
      {R"({"content":"x","chunking":{"max_tokens":15}})", 422, "/chunking/max_tokens", "from 16 to 254"},
      {R"({"content":"x","chunking":{"max_tokens":20.5}})", 422, "/chunking/max_tokens", "an integer"},
      {R"({"content":"x","chunking":{"max_tokens":20,"overlap_tokens":11}})", 422, "/chunking/overlap_tokens", "10"},
      {R"({"content":"x","chunking":{"size":1}})", 422, "/chunking/size", "not a member known here"},
  };
  for (const BadBody& bad : cases) ExpectProblem(DecodeDocument(bad.body, kLimits), bad);
}

TEST(Document, TakesAllMembers) {
  const auto decoded = DecodeDocument(
      R"({"content":"x","key":"k","title":null,"metadata":{"n":1,"l":["a"],"gone":null},
          "chunking":{"strategy":"sentence","max_tokens":32.0,"overlap_tokens":4}})",
      kLimits);
  const auto& document = std::get<core::NewDocument>(decoded);
  EXPECT_EQ(document.key, "k");
  EXPECT_EQ(document.title, "");
  EXPECT_EQ(document.metadata.size(), 2u);
  EXPECT_EQ(document.chunking, (core::Chunking{core::ChunkStrategy::kSentence, 32, 4}));
  const auto plain = DecodeDocument(R"({"content":"x","key":null,"metadata":null,"chunking":null})", kLimits);
  EXPECT_EQ(std::get<core::NewDocument>(plain).chunking, core::Chunking{});
}

TEST(Document, TooMuchContentIs413) {
  core::DocumentLimits limits;
  limits.max_content_bytes = 3;
  ExpectProblem(DecodeDocument(R"({"content":"abcd"})", limits), {"", 413, "/content", "3"});
}

TEST(Search, RefusesBadBodies) {
  const std::vector<BadBody> both = {
      {R"("top_k":0)", 422, "/top_k", "top_k must be an integer from 1 to 1000"},
      {R"("top_k":1001)", 422, "/top_k", "from 1 to 1000"},
      {R"("top_k":-3)", 422, "/top_k", "from 1 to 1000"},
      {R"("top_k":1.5)", 422, "/top_k", "from 1 to 1000"},
      {R"("top_k":"3")", 422, "/top_k", "not a string"},
      {R"("top_k":true)", 422, "/top_k", "not a boolean"},
      {R"("top_k":99999999999999999999999)", 422, "/top_k", "from 1 to 1000"},
      {R"("top_k":1e400)", 422, "/top_k", "from 1 to 1000"},
  };
  for (const BadBody& bad : both) {
    ExpectProblem(DecodeContractSearch(R"({"question":"q",)" + bad.body + "}"), bad);
    ExpectProblem(DecodeSearch(R"({"query":"q",)" + bad.body + "}"), bad);
  }
  ExpectProblem(DecodeContractSearch(R"({"top_k":3})"), {"", 422, "/question", "question is missing"});
  ExpectProblem(DecodeContractSearch(R"({"question":" "})"), {"", 422, "/question", "question must not be blank"});
  ExpectProblem(DecodeSearch(R"({"question":"q"})"), {"", 422, "/query", "question is not a member known here"});
  ExpectProblem(DecodeSearch(R"({"query":"q","min_score":2})"), {"", 422, "/min_score", "from -1 to 1"});
  ExpectProblem(DecodeSearch(R"({"query":"q","filter":[]})"), {"", 422, "/filter", "an object"});
  ExpectProblem(DecodeSearch(R"({"query":"q","filter":{"field":"x","equals":1}})"),
                {"", 422, "/filter/field", "field"});
  ExpectProblem(DecodeSearch("{\"query\":\"" + std::string(8193, 'q') + "\"}"), {"", 422, "/query", "8192"});
}

TEST(Search, HasTheDefaultsOfItsRoute) {
  const auto contract = DecodeContractSearch(R"({"question":"q","unknown":1})");
  EXPECT_EQ(std::get<search::SearchRequest>(contract).top_k, 3u);
  const auto decoded = DecodeSearch(R"({"query":"q","min_score":0.5,"filter":{"field":"key","exists":true}})");
  const auto& request = std::get<search::SearchRequest>(decoded);
  EXPECT_EQ(request.top_k, 10u);
  EXPECT_EQ(request.min_score, 0.5f);
  ASSERT_TRUE(request.filter);
  EXPECT_EQ(request.filter->field, "key");
  EXPECT_EQ(std::get<search::SearchRequest>(DecodeContractSearch(R"({"question":"q","top_k":5.0})")).top_k, 5u);
}

TEST(Parameters, BooleansAsEverybodySpellsThem) {
  for (const char* yes : {"true", "True", "1", "yes", "ON"}) EXPECT_TRUE(std::get<bool>(DecodeBool("b", yes))) << yes;
  for (const char* no : {"false", "0", "no", "Off"}) EXPECT_FALSE(std::get<bool>(DecodeBool("b", no))) << no;
  for (const char* bad : {"", "2", "maybe"}) EXPECT_EQ(std::get<Problem>(DecodeBool("b", bad)).status, 422) << bad;
}

TEST(Parameters, NumbersWithinTheirBounds) {
  EXPECT_EQ(std::get<std::int64_t>(DecodeInteger("n", "7", 1, 7)), 7);
  for (const char* bad : {"", "8", "0", "+1", " 1", "1.0", "0x1", "99999999999999999999"}) {
    EXPECT_EQ(std::get<Problem>(DecodeInteger("n", bad, 1, 7)).errors[0].pointer, "/n") << bad;
  }
  EXPECT_EQ(std::get<double>(DecodeSeconds("s", "1.5", 300)), 1.5);
  for (const char* bad : {"", "-1", "301", "nan", "inf", "1s"}) {
    EXPECT_TRUE(std::holds_alternative<Problem>(DecodeSeconds("s", bad, 300))) << bad;
  }
}

TEST(Parameters, IdsThatCannotBeAreUnknown) {
  const auto decode = [](std::string text) {
    Request request;
    request.path_params = {{"id", std::move(text)}};
    return DecodeDocumentId(request, "id");
  };
  EXPECT_EQ(std::get<core::DocumentId>(decode("12")), 12);
  for (const char* unknown : {"0", "-1", "99999999999999999999"})
    EXPECT_EQ(std::get<Problem>(decode(unknown)).status, 404);
  for (const char* bad : {"abc", "1.5", "-", " 1", "1e3"}) EXPECT_EQ(std::get<Problem>(decode(bad)).status, 422) << bad;
}

TEST(MediaTypes, JsonAndItsKin) {
  const auto check = [](std::optional<std::string> type, MediaType expected) {
    Request request;
    if (type) request.headers = {{"content-type", *type}};
    return !CheckMediaType(request, expected);
  };
  EXPECT_TRUE(check(std::nullopt, MediaType::kJson));
  EXPECT_TRUE(check("application/json", MediaType::kJson));
  EXPECT_TRUE(check("Application/JSON; charset=utf-8", MediaType::kJson));
  EXPECT_TRUE(check("application/vnd.api+json", MediaType::kJson));
  EXPECT_FALSE(check("text/plain", MediaType::kJson));
  EXPECT_FALSE(check("application/x-www-form-urlencoded", MediaType::kJson));
  EXPECT_FALSE(check("", MediaType::kJson));
  EXPECT_TRUE(check("application/x-ndjson", MediaType::kNdjson));
  EXPECT_FALSE(check("application/json", MediaType::kNdjson));
}

TEST(Writer, EscapesAndKeepsFloatsFloats) {
  JsonWriter json;
  json.BeginObject().Member("a\"\\\n\x01", "é").Member("f", 0.71f).Member("one", 1.0).Member("tiny", 1e-9);
  json.Key("l").BeginArray().Value(1).Null().Value(true).EndArray().Key("e").BeginObject().EndObject().EndObject();
  EXPECT_EQ(json.text(),
            "{\"a\\\"\\\\\\n\\u0001\":\"é\",\"f\":0.71,\"one\":1.0,\"tiny\":1e-09,\"l\":[1,null,true],\"e\":{}}");
}

TEST(Problems, MapCodesToStatuses) {
  const std::pair<base::Code, int> expected[] = {
      {base::Code::kInvalidArgument, 422},  {base::Code::kNotFound, 404},   {base::Code::kConflict, 409},
      {base::Code::kTooLarge, 413},         {base::Code::kOverloaded, 503}, {base::Code::kUnavailable, 503},
      {base::Code::kDeadlineExceeded, 503}, {base::Code::kCorrupt, 500},    {base::Code::kInternal, 500},
  };
  for (const auto& [code, status] : expected) {
    const Response response = ToResponse(base::Error{code, "why", "/f"});
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_EQ(Find(response.headers, "Retry-After").has_value(), status == 503);
    EXPECT_THAT(response.body, HasSubstr(R"("detail":"why","errors":[{"pointer":"/f","detail":"why"}])"));
  }
}

}  // namespace
}  // namespace millrace::http
