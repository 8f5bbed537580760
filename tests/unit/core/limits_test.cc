#include "core/limits.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace::core {
namespace {

NewDocument Good() {
  NewDocument document;
  document.title = "Guide";
  document.content = "Some text.";
  return document;
}

std::string FieldOf(const NewDocument& document, const DocumentLimits& limits = {}) {
  const base::Status status = Validate(document, limits);
  return status ? "" : status.error().field;
}

TEST(ValidateTest, AcceptsTheBounds) {
  NewDocument document = Good();
  for (int i = 0; i < 255; ++i) document.title += i < 250 ? "é" : "";
  document.key = std::string(512, 'k');
  document.chunking = {ChunkStrategy::kPassage, 254, 127};
  document.content = std::string(100, 'x');
  EXPECT_TRUE(Validate(document, {.max_content_bytes = 100}));
  document.title.clear();
  document.chunking = {ChunkStrategy::kPassage, 16, 0};
  EXPECT_TRUE(Validate(document, {}));
}

TEST(ValidateTest, NamesTheField) {
  NewDocument document = Good();
  document.title.assign(256, 't');
  EXPECT_EQ(FieldOf(document), "/title");
  document = Good();
  document.key = std::string(513, 'k');
  EXPECT_EQ(FieldOf(document), "/key");
  document.key = "";
  EXPECT_EQ(FieldOf(document), "/key");
  document = Good();
  document.metadata["a"] = MetadataScalar(std::string(kMaxMetadataBytes, 'x'));
  EXPECT_EQ(FieldOf(document), "/metadata");
}

TEST(ValidateTest, ContentMustBeTextAndNotBlank) {
  for (const std::string& content : {std::string(), std::string(" \n\u3000\t"), std::string("a\xff"),
                                     std::string("a\0b", 3), std::string("\xed\xa0\x80")}) {
    NewDocument document = Good();
    document.content = content;
    EXPECT_EQ(FieldOf(document), "/content");
  }
}

TEST(ValidateTest, TooMuchContentIsTooLarge) {
  NewDocument document = Good();
  const base::Status status = Validate(document, {.max_content_bytes = document.content.size() - 1});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kTooLarge);
  EXPECT_EQ(status.error().field, "/content");
  EXPECT_EQ(status.error().message, "content must have at most 9 bytes, it has 10");
}

TEST(ValidateTest, ChunkingBounds) {
  NewDocument document = Good();
  for (const int tokens : {15, 255, -1}) {
    document.chunking = {ChunkStrategy::kPassage, tokens, 0};
    EXPECT_EQ(FieldOf(document), "/chunking/max_tokens");
  }
  for (const int overlap : {-1, 101}) {
    document.chunking = {ChunkStrategy::kPassage, 200, overlap};
    EXPECT_EQ(FieldOf(document), "/chunking/overlap_tokens");
  }
}

}  // namespace
}  // namespace millrace::core
