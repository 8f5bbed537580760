#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "cli/bulk_sender.h"
#include "cli/cli.h"
#include "cli/exit_code.h"
#include "cli/ingest_watch.h"
#include "unit/cli/fake_server.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

std::string IdempotencyKeyOf(const FakeRequest& request) {
  constexpr std::string_view kName = "Idempotency-Key: ";
  const std::size_t at = request.headers.find(kName);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + kName.size();
  return request.headers.substr(begin, request.headers.find('\r', begin) - begin);
}

/// Takes documents as the server does, a request under a key once, and remembers their contents in the order they came.
class FakeStore {
 public:
  FakeAnswer Bulk(const FakeRequest& request) {
    const std::string key = IdempotencyKeyOf(request);
    if (key.empty()) return Bulk(request.body);
    auto& answer = answers_[key];
    if (!answer) answer = Bulk(request.body);
    return *answer;
  }

  FakeAnswer Bulk(const std::string& body) {
    std::istringstream lines(body);
    std::string text, answer;
    for (int number = 1; std::getline(lines, text); ++number) {
      const json::value line = json::parse(text);
      contents.emplace_back(line.at("content").as_string());
      answer += json::serialize(json::value{
                    {"line", number}, {"result", "created"}, {"version", 1}, {"document_id", contents.size()}}) +
                "\n";
    }
    return {200, answer};
  }
  std::vector<std::string> contents;

 private:
  std::map<std::string, std::optional<FakeAnswer>> answers_;
};

OutgoingDocument Keyed(const std::string& key, const std::string& content) {
  return {key, key, json::serialize(json::value{{"key", key}, {"content", content}})};
}
OutgoingDocument Keyless(const std::string& content) {
  return {content, "", json::serialize(json::value{{"content", content}})};
}

constexpr SendOptions kImpatient{.unreachable_seconds = 0.5, .overloaded_seconds = 0.5};

TEST(BulkSender, BatchesByCountAndBytesAndKeepsTheOrderOfAKey) {
  FakeStore store;
  size_t largest = 0;
  FakeServer server([&](const FakeRequest& request) {
    largest = std::max(largest, request.body.size());
    return store.Bulk(request.body);
  });
  IngestTally tally;
  BulkSender sender({server.url(), ""}, {.max_batch_documents = 3, .max_batch_bytes = 200}, tally);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(sender.Add(Keyed("same", std::to_string(i))));
  EXPECT_TRUE(sender.Add(Keyed("same", std::string(1000, 'x'))));  // alone, although it is beyond the bound
  EXPECT_TRUE(sender.Finish());
  server.Stop();
  ASSERT_THAT(store.contents, SizeIs(51));
  for (size_t i = 0; i < 50; ++i) EXPECT_EQ(store.contents[i], std::to_string(i));
  EXPECT_LT(largest, 1100U);
  EXPECT_EQ(tally.counts().accepted, 51U);
}

TEST(BulkSender, ALostAnswerIsAskedForAgainAndNothingIsTakenTwice) {
  FakeStore store;
  std::set<std::string> lost;
  FakeServer server([&](const FakeRequest& request) {
    FakeAnswer answer = store.Bulk(request);
    answer.hang_up = lost.insert(request.body).second;  // the first answer to every request
    return answer;
  });
  IngestTally tally;
  BulkSender sender({server.url(), ""}, {}, tally);
  sender.Add(Keyless("once"));                                            // lane 0
  for (int i = 0; i < 8; ++i) sender.Add(Keyed(std::to_string(i), "k"));  // some of them in lane 0 too
  EXPECT_TRUE(sender.Finish());
  server.Stop();
  EXPECT_EQ(std::count(store.contents.begin(), store.contents.end(), "once"), 1);
  EXPECT_EQ(tally.counts().accepted, 9U);
  EXPECT_EQ(tally.counts().failed, 0U);
}

TEST(BulkSender, OverloadIsWaitedOut) {
  FakeStore store;
  int refusals = 2;
  FakeServer server([&](const FakeRequest& request) -> FakeAnswer {
    if (refusals-- > 0) return {503, R"({"detail":"queue full"})", "Retry-After: 1\r\n"};
    return store.Bulk(request.body);
  });
  IngestTally tally;
  BulkSender sender({server.url(), ""}, {}, tally);
  const auto begin = std::chrono::steady_clock::now();
  sender.Add(Keyless("a"));
  EXPECT_TRUE(sender.Finish());
  server.Stop();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  EXPECT_THAT(store.contents, ElementsAre("a"));
}

TEST(BulkSender, LinesTheServerHadNoRoomForAreSentAgain) {
  std::vector<std::string> bodies;
  FakeServer server([&](const FakeRequest& request) -> FakeAnswer {
    bodies.push_back(request.body);
    if (bodies.size() > 1) return {200, R"({"line":1,"result":"created","document_id":2,"version":1})"};
    return {200,
            "{\"line\":1,\"result\":\"rejected\",\"error\":{\"status\":422,\"detail\":\"content must not be blank\"}}\n"
            "{\"line\":2,\"result\":\"rejected\",\"error\":{\"status\":503,\"detail\":\"queue full\"}}\n"};
  });
  IngestTally tally;
  BulkSender sender({server.url(), ""}, {}, tally);
  sender.Add(Keyed("k", " "));
  sender.Add(Keyed("k", "b"));
  EXPECT_TRUE(sender.Finish());
  server.Stop();
  EXPECT_THAT(bodies, ElementsAre(testing::_, Keyed("k", "b").json + "\n"));
  EXPECT_THAT(tally.failures(), ElementsAre(Pair("k", "content must not be blank")));
}

TEST(BulkSender, ATooLargeRequestIsHalvedDownToTheDocumentAtFault) {
  FakeStore store;
  FakeServer server([&](const FakeRequest& request) -> FakeAnswer {
    if (request.body.size() > 150) return {413, R"({"detail":"larger than 150 bytes"})"};
    return store.Bulk(request.body);
  });
  IngestTally tally;
  BulkSender sender({server.url(), ""}, {}, tally);
  for (const char* content : {"a", "b", "c", "d"}) sender.Add(Keyed("k", content));
  sender.Add(Keyed("k", std::string(300, 'x')));
  EXPECT_TRUE(sender.Finish());
  server.Stop();
  EXPECT_THAT(store.contents, ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(tally.failures(), ElementsAre(Pair("k", "larger than 150 bytes")));
}

TEST(BulkSender, GivesUpWhenTheServerIsGoneAndSaysSoForEachDocument) {
  const NobodyThere nobody;
  const std::string url = nobody.url();
  IngestTally tally;
  BulkSender sender({url, ""}, kImpatient, tally);
  for (int i = 0; i < 600; ++i) sender.Add(Keyed(std::to_string(i), "x"));
  const auto outcome = sender.Finish();
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("no Millrace server at " + url));
  EXPECT_EQ(tally.counts().failed, 600U);
}

TEST(BulkSender, ARefusedKeyEndsItAtOnce) {
  FakeServer server([](const FakeRequest&) { return FakeAnswer{401, R"({"detail":"unknown key"})"}; });
  IngestTally tally;
  BulkSender sender({server.url(), ""}, {}, tally);
  sender.Add(Keyed("a", "x"));
  EXPECT_THAT(sender.Finish().error().message, HasSubstr("unknown key"));
}

TEST(IngestWatch, SettlesWhatIsIndexedFailedAndDeleted) {
  std::map<std::string, int> asked;
  FakeServer server([&](const FakeRequest& request) -> FakeAnswer {
    if (request.path == "/v1/status") return {};
    const int times = ++asked[request.path];
    if (request.path == "/v1/documents/1") return {200, R"({"status":"indexed","indexed_version":2})"};
    if (request.path == "/v1/documents/2" && times < 3) return {200, R"({"status":"retrying","indexed_version":0})"};
    if (request.path == "/v1/documents/2") return {200, R"({"status":"indexed","indexed_version":1})"};
    if (request.path == "/v1/documents/3") {
      return {200, R"({"status":"dead_lettered","indexed_version":1,"error":{"message":"too odd"}})"};
    }
    return {404, "{}"};
  });
  IngestTally tally;
  tally.Accept({1, 2, "one", false});
  tally.Accept({2, 1, "two", true});
  tally.Accept({3, 2, "three", false});
  tally.Accept({4, 1, "four", false});
  IngestWatch watch({server.url(), ""}, {}, tally);
  EXPECT_TRUE(watch.Finish());
  EXPECT_EQ(tally.counts().indexed, 1U);
  EXPECT_EQ(tally.counts().unchanged, 1U);
  EXPECT_EQ(tally.counts().awaited, 0U);
  EXPECT_THAT(tally.failures(),
              UnorderedElementsAre(Pair("three", "too odd"), Pair("four", "deleted before it was indexed")));
}

TEST(IngestWatch, AServerThatGoesAwayEndsTheWait) {
  const NobodyThere nobody;
  const std::string url = nobody.url();
  IngestTally tally;
  tally.Accept({1, 1, "one", false});
  IngestWatch watch({url, ""}, {.wait = true, .unreachable_seconds = 0.5}, tally);
  EXPECT_FALSE(watch.Finish());
  EXPECT_EQ(tally.counts().awaited, 1U);
}

struct Ran {
  int code;
  std::string out, err;
};

Ran RunCli(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "millrace");
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  const std::vector<OutsideCommand> outside{{"serve", "Run the server", [](const std::vector<std::string>& rest) {
                                               return 40 + static_cast<int>(rest.size());
                                             }}};
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = Run(static_cast<int>(argv.size()), argv.data(), outside);
  std::string out = testing::internal::GetCapturedStdout();
  return {code, out, testing::internal::GetCapturedStderr()};
}

TEST(Run, UsageErrorsAreOneLineAndExitTwo) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"serach"},
                                             {"--frob"},
                                             {"search"},
                                             {"search", "x", "--frob"},
                                             {"documents"},
                                             {"documents", "burn"},
                                             {"documents", "show", "../config"},
                                             {"search", "x", "-k", "0"},
                                             {"search", "x", "-o", "xml"},
                                             {"search", "x", "--filter", "{"},
                                             {"search", "x", "--server", "file:///etc/passwd"},
                                             {"search", "x", "--api-key", "a\r\nb"},
                                             {"ingest", "/no/such/path"},
                                             {"documents", "show"}}) {
    const Ran ran = RunCli(arguments);
    EXPECT_EQ(ran.code, kUsage) << arguments.back();
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }
}

TEST(Run, HelpListsEveryCommandAndEachHasAnExample) {
  const std::string help = RunCli({"--help"}).out;
  for (const std::string command :
       {"serve", "ingest", "search", "documents list", "documents show", "documents chunks", "documents versions",
        "documents content", "documents delete", "status", "config", "version"}) {
    EXPECT_THAT(help, HasSubstr("\n  " + command + " "));
    if (command == "serve") continue;
    std::istringstream words(command);
    std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
    arguments.push_back("--help");
    const Ran ran = RunCli(arguments);
    EXPECT_EQ(ran.code, kOk);
    EXPECT_THAT(ran.out, HasSubstr("Example:\n  millrace " + command));
  }
  EXPECT_EQ(RunCli({"serve", "--listen", "x"}).code, 42);
}

TEST(Run, AServerThatIsNotThereIsOnePlainLine) {
  const NobodyThere nobody;
  const std::string url = nobody.url();
  const Ran ran = RunCli({"--server", url + "/", "search", "x"});
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_EQ(ran.err, "millrace: no Millrace server at " + url + ": start one with `millrace serve`\n");
  EXPECT_EQ(RunCli({"version", "--server", url}).code, kOk);
}

TEST(Run, SearchSendsTheQuestionAsTypedAndShowsHitsSafely) {
  FakeRequest seen;
  FakeServer server([&](const FakeRequest& request) -> FakeAnswer {
    if (seen.path.empty()) seen = request;
    return {200, R"({"hits":[{"score":0.71,"document":{"id":3,"key":null,"title":"T\u001b[2J"},)"
                 R"("chunk":{"text":"line one\nline two"}}]})"};
  });
  const Ran table = RunCli({"search", "[a, b]", "status", "--server", server.url(), "-k", "3", "--api-key", "s3"});
  EXPECT_EQ(table.out, " 1  0.710  T\\x1b[2J · document 3\n    line one\n    line two\n");
  EXPECT_THAT(RunCli({"search", "x", "-o", "jsonl", "--server", server.url()}).out,
              testing::StartsWith(R"({"score":0.71,"document":{"id":3,"key":null,)"));
  server.Stop();
  EXPECT_EQ(seen.body, R"({"query":"[a, b] status","top_k":3})");
  EXPECT_THAT(seen.headers, HasSubstr("Authorization: Bearer s3\r\n"));
}

TEST(Run, DeleteTellsNoneSomeAndAllApart) {
  FakeServer server([](const FakeRequest& request) -> FakeAnswer {
    if (request.method == "DELETE" && request.path == "/v1/documents/1") return {200, R"({"id":1})"};
    return {404, R"({"detail":"no such document"})"};
  });
  EXPECT_EQ(RunCli({"documents", "delete", "1", "--server", server.url()}).code, kOk);
  EXPECT_EQ(RunCli({"documents", "delete", "1", "2", "--server", server.url()}).code, kPartly);
  EXPECT_EQ(RunCli({"documents", "delete", "2", "3", "--server", server.url()}).code, kNotFound);
  EXPECT_EQ(RunCli({"documents", "show", "2", "--server", server.url()}).code, kNotFound);
}

TEST(Run, ListFollowsTheCursorToItsEnd) {
  std::vector<std::string> paths;
  FakeServer server([&](const FakeRequest& request) -> FakeAnswer {
    paths.push_back(request.path);
    const bool first = request.path.find("cursor") == std::string::npos;
    return {200, first ? R"({"documents":[{"id":2}],"next_cursor":"a/b=="})"
                       : R"({"documents":[{"id":1}],"next_cursor":null})"};
  });
  EXPECT_EQ(RunCli({"documents", "list", "--all", "--key", "a&b", "-o", "json", "--server", server.url()}).out,
            "[{\"id\":2},\n {\"id\":1}]\n");
  server.Stop();
  EXPECT_THAT(paths,
              ElementsAre("/v1/documents?limit=500&key=a%26b", "/v1/documents?limit=500&key=a%26b&cursor=a%2Fb%3D%3D"));
}

TEST(Run, IngestReportsEachFileAndExitsFour) {
  FakeServer server([store = std::make_shared<FakeStore>()](const FakeRequest& request) -> FakeAnswer {
    if (request.path == "/v1/documents/bulk") return store->Bulk(request.body);
    return {200, R"({"status":"indexed","indexed_version":1})"};
  });
  std::string folder = (std::filesystem::temp_directory_path() / "ingest.XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/good.html") << "<h1>Good</h1>";
  std::ofstream(folder + "/latin.txt") << "caf\xE9";
  std::ofstream(folder + "/image.png") << "x";
  const Ran ran = RunCli({"ingest", folder, "--server", server.url()});
  std::filesystem::remove_all(folder);
  EXPECT_EQ(ran.code, kPartly);
  EXPECT_EQ(ran.out, "accepted   1\nindexed    1\nunchanged  0\nskipped    1 (.png 1)\nfailed     1\n  " + folder +
                         "/latin.txt: not UTF-8\n");
}

}  // namespace
}  // namespace millrace::cli
