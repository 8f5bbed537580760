#include "ingest/upload_message.h"

#include <gtest/gtest.h>

namespace millrace::ingest {
namespace {

const core::StoreIdentity kStore{"store-1", 1};

core::OutboxRow Row() {
  core::OutboxRow row;
  row.topic = core::kUploadsTopic;
  row.document_id = 123;
  row.version = 4;
  row.title = "A \"title\"";
  row.content = "Grüße.";
  row.content_bytes = 8;
  row.created_at = core::Timestamp(std::chrono::seconds(1705314600));
  return row;
}

core::LogRecord Foreign(std::string value) {
  core::LogRecord record;
  record.position = {core::kUploadsTopic, 2, 77};
  record.value = std::move(value);
  return record;
}

TEST(UploadMessage, SendsTheContractsFiveMembers) {
  const core::LogRecord record = EncodeUpload(Row(), kStore);
  EXPECT_EQ(record.key, "doc_123");
  EXPECT_EQ(
      *record.value,
      R"({"document_id":123,"title":"A \"title\"","content":"Grüße.","status":"pending","created_at":"2024-01-15T10:30:00"})");
}

TEST(UploadMessage, KnowsItsOwn) {
  const auto upload = DecodeUpload(EncodeUpload(Row(), kStore), kStore);
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->work.id, 123);
  EXPECT_EQ(upload->work.version, 4);
  EXPECT_EQ(upload->content, "Grüße.");
  EXPECT_TRUE(upload->work.content.empty());
}

TEST(UploadMessage, RefersToTheStoreForLongContent) {
  core::OutboxRow row = Row();
  row.content.reset();
  row.content_bytes = 50'000'000;
  row.content_hash = "abc";
  const core::LogRecord record = EncodeUpload(row, kStore);
  EXPECT_NE(record.value->find(R"("content":"")"), std::string::npos);
  const auto upload = DecodeUpload(record, kStore);
  ASSERT_TRUE(upload);
  EXPECT_FALSE(upload->content);
  EXPECT_EQ(upload->content_bytes, 50'000'000);
}

TEST(UploadMessage, TrustsOnlyItsOwnStoresHeaders) {
  for (const core::StoreIdentity& other : {core::StoreIdentity{"store-2", 1}, core::StoreIdentity{"store-1", 2}}) {
    const auto upload = DecodeUpload(EncodeUpload(Row(), other), kStore);
    ASSERT_TRUE(upload);
    EXPECT_EQ(upload->work.version, 0) << "a record of another store or epoch is foreign";
    EXPECT_EQ(upload->work.content, "Grüße.");
  }
}

TEST(UploadMessage, TakesAnybodysMessage) {
  const auto upload =
      DecodeUpload(Foreign(R"({"document_id":999,"content":"x","version":7,"unknown":{"a":[1]}})"), kStore);
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->work.id, 999);
  EXPECT_EQ(upload->work.version, 0);
  EXPECT_EQ(upload->work.position, (core::Position{core::kUploadsTopic, 2, 77}));
  EXPECT_EQ(upload->work.chunking.strategy, core::ChunkStrategy::kSentence) << "the contract's way of cutting";
}

TEST(UploadMessage, CutsATitleThatTheColumnCannotHold) {
  std::string title;
  for (int i = 0; i < 300; ++i) title += "é";
  const auto upload = DecodeUpload(Foreign(R"({"document_id":1,"content":"x","title":")" + title + "\"}"), kStore);
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->work.title, title.substr(0, 255 * 2));
}

TEST(UploadMessage, NamesWhatIsWrong) {
  for (const auto& [value, word] :
       std::vector<std::pair<std::string, std::string>>{{"no json", "JSON"},
                                                        {"[1]", "object"},
                                                        {R"({"content":"x"})", "document_id"},
                                                        {R"({"document_id":"1","content":"x"})", "document_id"},
                                                        {R"({"document_id":-1,"content":"x"})", "document_id"},
                                                        {R"({"document_id":1})", "content"},
                                                        {R"({"document_id":1,"content":5})", "content"},
                                                        {R"({"document_id":1,"content":"  \n"})", "content"}}) {
    const auto upload = DecodeUpload(Foreign(value), kStore);
    ASSERT_FALSE(upload) << value;
    EXPECT_NE(upload.error().message.find(word), std::string::npos) << value << " -> " << upload.error().message;
  }
  core::LogRecord tombstone;
  EXPECT_FALSE(DecodeUpload(tombstone, kStore));
}

}  // namespace
}  // namespace millrace::ingest
