#include "core/schema_registry.h"

#include <gtest/gtest.h>

namespace millrace::core {
namespace {

using std::string_literals::operator""s;

LogRecord RecordOf(std::optional<std::string> value, std::optional<std::string> header = std::nullopt) {
  LogRecord record;
  record.value = std::move(value);
  record.headers.push_back({"another", "header"});
  if (header) record.headers.push_back({kSchemaHeader, *header});
  return record;
}

TEST(SchemaRegistry, AnIdIsFiveBytes) {
  EXPECT_EQ(EncodeSchemaId(7), "\0\0\0\0\7"s);
  EXPECT_EQ(EncodeSchemaId(0x7F010203), "\0\x7F\1\2\3"s);
  EXPECT_EQ(SchemaOf(RecordOf("{}", EncodeSchemaId(0x7F010203))).value(), (SchemaReference{0x7F010203, {}}));
  EXPECT_EQ(SchemaOf(RecordOf(EncodeSchemaId(200'000) + "{}")).value(), (SchemaReference{200'000, {}}));
}

TEST(SchemaRegistry, AGuidIsInTheHeaderAlone) {
  const std::string bytes = "\1\x89\x79\x17\x62\x23\x36\x41\x86\x96\x74\x29\x9b\x90\xa8\x02\xe2"s;
  EXPECT_EQ(SchemaOf(RecordOf("{}", bytes)).value(), (SchemaReference{0, "89791762-2336-4186-9674-299b90a802e2"}));
  EXPECT_EQ(SchemaOf(RecordOf(bytes + "{}")).value(), std::nullopt);
}

TEST(SchemaRegistry, TheHeaderGoesBeforeTheValue) {
  EXPECT_EQ(SchemaOf(RecordOf(EncodeSchemaId(1) + "{}", EncodeSchemaId(2))).value(), (SchemaReference{2, {}}));
}

TEST(SchemaRegistry, MostMessagesNameNone) {
  for (const auto& value :
       {std::optional<std::string>(), std::optional("{}"s), std::optional(""s), std::optional("\0\0\0\0"s)}) {
    EXPECT_EQ(SchemaOf(RecordOf(value)).value(), std::nullopt);
  }
}

TEST(SchemaRegistry, AHeaderOfAnotherFormIsAnError) {
  for (const std::string& header : {""s, "7"s, "\0\0\0\7"s, "\0\0\0\0\0\7"s, "\1\0\0\0\7"s, "\2\0\0\0\7"s}) {
    EXPECT_EQ(SchemaOf(RecordOf("{}", header)).error().code, base::Code::kInvalidArgument) << header.size();
  }
}

TEST(SchemaRegistry, ThePayloadIsWhatFollows) {
  EXPECT_EQ(Payload("{}"), "{}");
  EXPECT_EQ(Payload(""), "");
  EXPECT_EQ(Payload("\0\0\0\0\7{}"s), "{}");
  EXPECT_EQ(Payload("\0\0\0\0\7"s), "");
  EXPECT_EQ(Payload("\0\0\0\7"s), "\0\0\0\7"s);
}

}  // namespace
}  // namespace millrace::core
