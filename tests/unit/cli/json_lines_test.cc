#include "cli/json_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace millrace::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Collected {
  std::vector<std::string> taken, failed;
  DocumentSink sink{[this](OutgoingDocument d) { taken.push_back(d.name + " [" + d.key + "] " + d.json); },
                    [this](const std::string& name, const std::string& why) { failed.push_back(name + ": " + why); }};
};

Collected Read(std::string_view text, const JsonDefaults& defaults = {"f.json", "k", "", ""}) {
  Collected all;
  ReadJsonText(text, defaults, all.sink);
  return all;
}

TEST(ReadJsonText, OneObjectTakesTheKeyOfTheFile) {
  EXPECT_THAT(Read(R"({"title":" A  b","content":"c"})").taken,
              ElementsAre(R"(f.json [k] {"title":"A b","content":"c","key":"k"})"));
  EXPECT_THAT(Read(R"({"content":"c","key":"own"})").taken, ElementsAre(R"(f.json [own] {"content":"c","key":"own"})"));
  EXPECT_THAT(
      Read(R"({"content":"c"})", {"f", "k", R"({"path":"p"})", "sentence"}).taken,
      ElementsAre(R"(f [k] {"content":"c","key":"k","metadata":{"path":"p"},"chunking":{"strategy":"sentence"}})"));
}

TEST(ReadJsonText, SeveralObjectsAreNumbered) {
  const Collected array = Read(R"([{"content":"a"}, 7, {"title":"t"}, {"content":"b"}])");
  EXPECT_THAT(array.taken, ElementsAre(R"(f.json#1 [k#1] {"content":"a","key":"k#1"})",
                                       R"(f.json#4 [k#4] {"content":"b","key":"k#4"})"));
  EXPECT_THAT(array.failed, ElementsAre("f.json#2: not a JSON object", "f.json#3: no string \"content\" in it"));

  const Collected lines = Read("{\"content\":\"a\"}\n\n{\"content\":\"b\"}\n{oops\n");
  EXPECT_THAT(lines.taken, ElementsAre(R"(f.json#1 [k#1] {"content":"a","key":"k#1"})",
                                       R"(f.json#3 [k#3] {"content":"b","key":"k#3"})"));
  EXPECT_THAT(lines.failed, ElementsAre(testing::StartsWith("f.json#4: not JSON")));
}

TEST(ReadJsonText, AnythingElseFailsOnce) {
  for (const char* text : {"", "nonsense\n{}", "{\"content\":", "[1", "17", "{\"title\":\"t\"}"}) {
    const Collected all = Read(text);
    EXPECT_THAT(all.taken, IsEmpty()) << text;
    EXPECT_EQ(all.failed.size(), 1U) << text;
  }
  EXPECT_EQ(Read(std::string(100'000, '[')).failed.size(), 1U);
}

TEST(ReadJsonStream, GoesOnAfterABadOrHugeLine) {
  std::istringstream stream("{\"content\":\"a\"}\n" + std::string((16 << 20) + 1, 'x') + "\n \n{\"content\":\"b\"}");
  Collected all;
  ReadJsonStream(stream, {"stdin", "", "", ""}, all.sink, [] { return true; });
  EXPECT_THAT(all.taken, ElementsAre(R"(stdin line 1 [] {"content":"a"})", R"(stdin line 4 [] {"content":"b"})"));
  EXPECT_THAT(all.failed, ElementsAre("stdin line 2: longer than 16 MiB"));
}

}  // namespace
}  // namespace millrace::cli
