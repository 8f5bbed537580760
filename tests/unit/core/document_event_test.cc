#include "core/document_event.h"

#include <gtest/gtest.h>

namespace millrace::core {
namespace {

DocumentEvent Example() {
  DocumentEvent event;
  event.document_id = 12;
  event.version = 3;
  event.revision = 1;
  event.status = DocumentStatus::kFailed;
  event.chunks = 7;
  event.at = Timestamp(std::chrono::milliseconds(1705314600250));
  event.error = DocumentError{"embedding_failed", "the model said \"no\"", "embed"};
  return event;
}

TEST(DocumentEventTest, LooksAsDocumented) {
  EXPECT_EQ(FormatEvent(Example()),
            R"({"event":"document.failed","document_id":12,"version":3,"revision":1,"status":"failed","chunks":7,)"
            R"("at":"2024-01-15T10:30:00.250Z",)"
            R"("error":{"code":"embedding_failed","message":"the model said \"no\"","stage":"embed"}})");
}

TEST(DocumentEventTest, ReadsBackWhatItWrites) {
  for (const bool with_error : {true, false}) {
    DocumentEvent event = Example();
    if (!with_error) event.error.reset();
    const auto read = ParseEvent(FormatEvent(event));
    ASSERT_TRUE(read);
    EXPECT_EQ(FormatEvent(*read), FormatEvent(event));
    EXPECT_EQ(read->at, event.at);
    EXPECT_EQ(read->error.has_value(), with_error);
  }
}

TEST(DocumentEventTest, TellsTimesWhereThereAreAny) {
  DocumentEvent event = Example();
  event.error.reset();
  event.next_attempt_at = event.at + std::chrono::seconds(5);
  event.steps = {event.at - std::chrono::milliseconds(250), {}, {}, event.at};
  const std::string json = FormatEvent(event);
  EXPECT_TRUE(json.ends_with(R"("at":"2024-01-15T10:30:00.250Z","next_attempt_at":"2024-01-15T10:30:05.250Z",)"
                             R"("steps":{"received":"2024-01-15T10:30:00.000Z","stored":"2024-01-15T10:30:00.250Z"}})"))
      << json;
  const auto read = ParseEvent(json);
  ASSERT_TRUE(read);
  EXPECT_EQ(FormatEvent(*read), json);
}

TEST(DocumentEventTest, ReadsTheLastTimeThatFits) {
  std::string json = FormatEvent(Example());
  json.replace(json.find("2024-01-15T"), 11, "9999-12-31T");
  const auto event = ParseEvent(json);
  ASSERT_TRUE(event);
  EXPECT_EQ(FormatEvent(*event), json);
}

TEST(DocumentEventTest, IgnoresMembersItDoesNotKnow) {
  std::string json = FormatEvent(Example());
  json.insert(1, R"("later":{"x":[1]},)");
  EXPECT_TRUE(ParseEvent(json));
}

TEST(DocumentEventTest, RefusalsPointAtTheField) {
  const std::string good = FormatEvent(Example());
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"\"document_id\":12", "\"document_id\":0", "/document_id"},
      {"\"document_id\":12", "\"document_id\":\"12\"", "/document_id"},
      {"\"version\":3", "\"version\":3.5", "/version"},
      {"\"chunks\":7", "\"chunks\":-7", "/chunks"},
      {"\"status\":\"failed\"", "\"status\":\"fine\"", "/status"},
      {"\"event\":\"document.failed\"", "\"event\":\"document.indexed\"", "/event"},
      {"01-15T", "02-30T", "/at"},
      {".250Z", "Z", "/at"},
      {"2024-", "1969-", "/at"},
      {"\"stage\":\"embed\"", "\"stage\":null", "/error/stage"},
  };
  for (const auto& [from, to, field] : cases) {
    std::string json = good;
    json.replace(json.find(from), std::string_view(from).size(), to);
    const auto event = ParseEvent(json);
    ASSERT_FALSE(event) << json;
    EXPECT_EQ(event.error().field, field);
  }
  EXPECT_FALSE(ParseEvent("[]"));
  EXPECT_FALSE(ParseEvent("{"));
  EXPECT_FALSE(ParseEvent(std::string(100000, '[')));
}

TEST(DocumentEventTest, KeyNamesTheDocument) { EXPECT_EQ(DocumentKey(123), "doc_123"); }

}  // namespace
}  // namespace millrace::core
