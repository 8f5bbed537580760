#include "cli/message_format.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace millrace::cli {
namespace {

namespace json = boost::json;

json::object Message(std::string_view members) {
  return json::parse(R"({"topic":"t","partition":2,"offset":7,"timestamp":"2026-01-15T10:30:00.000Z",)" +
                     std::string(members) + "}")
      .as_object();
}

TEST(MessageFormat, PutsEveryMemberInItsPlace) {
  const auto message = Message(
      R"("key":"k","value":"v1","headers":[{"name":"a","value":"1"},{"name":"b","value":"Yg==","encoding":"base64"}])");
  EXPECT_EQ(FormatMessage(message, "%t %p %o %T %k %s %S %h%%"), "t 2 7 2026-01-15T10:30:00.000Z k v1 2 a=1,b=b%");
  EXPECT_EQ(FormatMessage(message, R"(%o\t%s\n\r\\\0x)"), std::string("7\tv1\n\r\\\0x", 9));
}

TEST(MessageFormat, BytesComeAsTheyAre) {
  const auto message =
      Message(R"("key":"/w==","key_encoding":"base64","value":"AP8=","encoding":"base64","headers":[])");
  EXPECT_EQ(FormatMessage(message, "%k%s%S"), std::string("\xFF\0\xFF", 3) + "2");
}

TEST(MessageFormat, NothingStandsForNull) {
  EXPECT_EQ(FormatMessage(Message(R"("key":null,"value":null,"headers":[])"), "[%k][%s][%S]"), "[][][0]");
}

TEST(MessageFormat, RefusesWhatItDoesNotKnow) {
  for (const char* good : {"", "%t%p%o%T%k%s%S%h%%", R"(\n\t\r\0\\)", "plain"}) EXPECT_TRUE(CheckMessageFormat(good));
  for (const char* bad : {"%", "%x", "\\", "\\x", "%s%"}) EXPECT_FALSE(CheckMessageFormat(bad)) << bad;
}

TEST(DescribeMessage, IndentsJson) {
  EXPECT_EQ(DescribeMessage(Message(R"("key":"k","value":"{\"a\":[1,{}],\"b\":0.5}","headers":[])")),
            "t  partition 2  offset 7  key k\n{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": 0.5\n}\n");
}

TEST(DescribeMessage, NothingReachesTheTerminalRaw) {
  const auto text = DescribeMessage(
      Message(R"("key":"\u001b[2J","value":"\u001b]0;x\u0007","headers":[{"name":"\u001b","value":"\u001b"}])"));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  const auto inside = DescribeMessage(Message(R"("key":null,"value":"{\"\\u202e\":\"\\u202e\"}","headers":[])"));
  EXPECT_EQ(inside.find("\u202e"), std::string::npos);
}

TEST(DescribeMessage, TellsNoValueFromAnEmptyOne) {
  EXPECT_EQ(DescribeMessage(Message(R"("key":null,"value":null,"headers":[])")),
            "t  partition 2  offset 7  key -\n(no value)\n");
  EXPECT_EQ(DescribeMessage(Message(R"("key":"","value":"","headers":[])")), "t  partition 2  offset 7  key \n\n");
}

}  // namespace
}  // namespace millrace::cli
