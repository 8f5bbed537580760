#include "cli/file_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace millrace::cli {
namespace fs = std::filesystem;
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

/// Runs in a folder of its own, so that relative paths can be tried.
class FindFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "walk.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    previous_ = fs::current_path();
    fs::current_path(folder_);
  }
  void TearDown() override {
    fs::current_path(previous_);
    fs::remove_all(folder_);
  }

  static void Write(const fs::path& path) {
    if (path.has_parent_path()) fs::create_directories(path.parent_path());
    std::ofstream(path) << "x";
  }

  static std::vector<std::string> Keys(const std::vector<std::string>& paths, const WalkOptions& options = {}) {
    const auto list = FindFiles(paths, options);
    if (!list) return {"error: " + list.error().message};
    std::vector<std::string> keys;
    for (const auto& file : list->files) keys.push_back(file.key);
    return keys;
  }

  fs::path folder_, previous_;
};

TEST_F(FindFilesTest, KeysFollowThePathAsGiven) {
  Write("docs/a/b.md");
  Write("docs/c.txt");
  for (const char* given : {"docs", "docs/", "./docs", "docs/../docs//"}) {
    EXPECT_THAT(Keys({given}), ElementsAre("docs/c.txt", "docs/a/b.md")) << given;
  }
  EXPECT_THAT(Keys({"docs/a"}), ElementsAre("docs/a/b.md"));
  EXPECT_THAT(Keys({"docs/a/b.md"}), ElementsAre("docs/a/b.md"));
  EXPECT_THAT(Keys({"."}), ElementsAre("docs/c.txt", "docs/a/b.md"));
  EXPECT_THAT(Keys({(folder_ / "docs").string()}), ElementsAre("docs/c.txt", "docs/a/b.md"));
  EXPECT_THAT(Keys({(folder_ / "docs/a/").string()}), ElementsAre("a/b.md"));
  EXPECT_THAT(Keys({(folder_ / "docs/a/b.md").string()}), ElementsAre("a/b.md"));
  EXPECT_THAT(Keys({"docs/a"}, {.key_prefix = "v2/"}), ElementsAre("v2/docs/a/b.md"));
  fs::current_path("docs/a");
  EXPECT_THAT(Keys({".."}), ElementsAre("docs/c.txt", "docs/a/b.md"));
  EXPECT_THAT(Keys({"../c.txt"}), ElementsAre("docs/c.txt"));
}

TEST_F(FindFilesTest, TypesHiddenEntriesAndSpecialFiles) {
  for (const char* name : {"d/a.MD", "d/b.markdown", "d/c.htm", "d/e.json", "d/f.PNG", "d/g.png", "d/README",
                           "d/.h.txt", "d/.git/i.txt"}) {
    Write(name);
  }
  ASSERT_EQ(mkfifo("d/pipe.txt", 0600), 0);
  const auto list = FindFiles({"d"}, {});
  ASSERT_TRUE(list);
  std::vector<std::string> types;
  for (const auto& file : list->files) types.push_back(file.type);
  EXPECT_THAT(types, ElementsAre("md", "md", "html", "json"));
  EXPECT_THAT(list->skipped_types, ElementsAre(Pair(".png", 2), Pair("no extension", 1)));
  EXPECT_THAT(list->failed, IsEmpty());
}

TEST_F(FindFilesTest, LinkedFoldersAreReadOnceUnderTheirRealName) {
  Write("d/z/a.txt");
  Write("other/b.txt");
  fs::create_directory_symlink("z", "d/latest");
  fs::create_directory_symlink("..", "d/z/up");
  fs::create_directory_symlink(folder_ / "other", "d/far");
  fs::create_symlink("nowhere.txt", "d/dangling.txt");
  EXPECT_THAT(Keys({"d"}), ElementsAre("d/z/a.txt", "d/far/b.txt"));
}

TEST_F(FindFilesTest, OneFileTwiceIsOneTwoFilesOfOneKeyAreAFailure) {
  Write("x/docs/a.txt");
  Write("y/docs/a.txt");
  EXPECT_THAT(Keys({"x/docs", "x/docs/a.txt", "x"}), ElementsAre("x/docs/a.txt"));
  const auto list = FindFiles({(folder_ / "x/docs").string(), (folder_ / "y/docs").string()}, {});
  ASSERT_TRUE(list);
  EXPECT_EQ(list->files.size(), 1U);
  EXPECT_THAT(list->failed, ElementsAre(Pair((folder_ / "y/docs/a.txt").string(), testing::HasSubstr("--key-prefix"))));
}

TEST_F(FindFilesTest, OncePerPagePrefersTheRicherFormat) {
  for (const char* name : {"d/a.html", "d/a.txt", "d/b.rst", "d/b.md", "d/c.txt", "d/c.json", "d/e/a.txt"}) Write(name);
  EXPECT_THAT(Keys({"d"}, {.key_prefix = "", .once_per_page = true}),
              ElementsAre("d/a.html", "d/b.md", "d/c.json", "d/c.txt", "d/e/a.txt"));
  EXPECT_EQ(Keys({"d"}).size(), 7U);
  EXPECT_THAT(FindFiles({"d"}, {.key_prefix = "", .once_per_page = true})->same_page,
              ElementsAre(Pair("d/a.txt", "d/a.html"), Pair("d/b.rst", "d/b.md")));
}

TEST_F(FindFilesTest, AWrongPathIsAnErrorAsAWhole) {
  Write("d/a.txt");
  EXPECT_EQ(FindFiles({"d", "nowhere"}, {}).error().message, "nowhere: no such file or folder");
  ASSERT_EQ(mkfifo("pipe", 0600), 0);
  EXPECT_EQ(FindFiles({"pipe"}, {}).error().message, "pipe: neither a file nor a folder");
}

TEST_F(FindFilesTest, ANameThatIsNotUtf8IsReported) {
  Write("d/\xFF.txt");
  EXPECT_THAT(FindFiles({"d"}, {})->failed, ElementsAre(Pair("d/\xFF.txt", "its name is not UTF-8")));
}

}  // namespace
}  // namespace millrace::cli
