#include "http/api_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::http {
namespace {

using testing::HasSubstr;

TEST(ApiKeys, ReadsKeysScopesAndComments) {
  const auto keys = ApiKeys::Parse("# who may what\r\n\nabc read  the dashboard\r\n  def\twrite\nghi admin");
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->size(), 3u);
  EXPECT_EQ(keys->Find("abc"), Scope::kRead);
  EXPECT_EQ(keys->Find("def"), Scope::kWrite);
  EXPECT_EQ(keys->Find("ghi"), Scope::kAdmin);
}

TEST(ApiKeys, FindsWholeKeysOnly) {
  const auto keys = ApiKeys::Parse("abab read");
  for (const char* other : {"", "a", "ab", "aba", "ababa", "abababab", "ABAB", "abac"})
    EXPECT_FALSE(keys->Find(other)) << other;
}

TEST(ApiKeys, NamesEachBadLine) {
  const auto keys = ApiKeys::Parse("abc read\nabc write\nx\ny owner\n\xc3\xa9 read\n");
  ASSERT_FALSE(keys);
  EXPECT_THAT(keys.error().message, HasSubstr("line 2: this key was given before"));
  EXPECT_THAT(keys.error().message, HasSubstr("line 3: after the key there must be read, write or admin"));
  EXPECT_THAT(keys.error().message, HasSubstr("line 4: "));
  EXPECT_THAT(keys.error().message, HasSubstr("line 5: a key is 1 to 512 visible ASCII characters"));
  EXPECT_THAT(keys.error().message, testing::Not(HasSubstr("owner")));
}

TEST(ApiKeys, AnEmptyFileIsAnError) {
  EXPECT_FALSE(ApiKeys::Parse("# nothing\n"));
  EXPECT_THAT(ApiKeys::Load("/nonexistent/keys").error().message, HasSubstr("/nonexistent/keys"));
}

}  // namespace
}  // namespace millrace::http
