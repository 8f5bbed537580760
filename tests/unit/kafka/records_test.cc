#include "adapters/kafka/records.h"

#include <gtest/gtest.h>

#include "adapters/kafka/errors.h"

namespace millrace::kafka {
namespace {

using base::Code;

TEST(KafkaRecords, HeadersKeepTheirOrderAndBytes) {
  EXPECT_EQ(HeadersOf({}), nullptr);
  const std::string bytes("\0\x80", 2);
  const std::vector<core::RecordHeader> wanted = {{"b", "2"}, {"a", bytes}, {"b", ""}};
  const Headers headers = HeadersOf(wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    ASSERT_EQ(rd_kafka_header_get_all(headers.get(), i, &name, &value, &size), RD_KAFKA_RESP_ERR_NO_ERROR);
    EXPECT_EQ(name, wanted[i].name);
    ASSERT_NE(value, nullptr) << "an empty value is not a null";
    EXPECT_EQ(std::string(static_cast<const char*>(value), size), wanted[i].value);
  }
}

TEST(KafkaRecords, PartitionsGoThereAndBack) {
  const auto list = PartitionsOf({{{"t", 2}, 7}, {{"s", 0}, 1}});
  ASSERT_EQ(list->cnt, 2);
  EXPECT_EQ(list->elems[0].offset, 1);
  EXPECT_EQ(list->elems[1].offset, 7);
  EXPECT_EQ(NamesOf(*list), (std::vector<core::TopicPartition>{{"s", 0}, {"t", 2}}));
}

TEST(KafkaErrors, SayWhatTheCallerCanDo) {
  EXPECT_EQ(CodeOf(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), Code::kNotFound);
  EXPECT_EQ(CodeOf(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION), Code::kNotFound);
  EXPECT_EQ(CodeOf(RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION), Code::kConflict);
  EXPECT_EQ(CodeOf(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID), Code::kConflict);
  EXPECT_EQ(CodeOf(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), Code::kTooLarge);
  EXPECT_EQ(CodeOf(RD_KAFKA_RESP_ERR__QUEUE_FULL), Code::kOverloaded);
  EXPECT_EQ(CodeOf(RD_KAFKA_RESP_ERR_INVALID_CONFIG), Code::kInvalidArgument);
  for (const auto error : {RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
                           RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE}) {
    EXPECT_EQ(CodeOf(error), Code::kUnavailable);
    EXPECT_TRUE(base::IsRetryable(CodeOf(error)));
  }
  EXPECT_TRUE(IsOutage(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT));
  EXPECT_FALSE(IsOutage(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS));
}

}  // namespace
}  // namespace millrace::kafka
