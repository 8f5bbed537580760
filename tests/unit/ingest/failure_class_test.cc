#include "ingest/failure_class.h"

#include <gtest/gtest.h>

namespace millrace::ingest {
namespace {

using base::Code;

TEST(FailureClass, AnOutageBlamesNoDocument) {
  for (const Code code : {Code::kOverloaded, Code::kUnavailable, Code::kDeadlineExceeded}) {
    for (const char* stage : {"decode", "chunk", "embed", "store", ""}) {
      EXPECT_EQ(Classify(code, stage), FailureClass::kOutage) << base::CodeName(code) << " at " << stage;
    }
  }
}

TEST(FailureClass, WhatIsWrongWithTheRecordIsPermanent) {
  for (const Code code : {Code::kInvalidArgument, Code::kTooLarge}) {
    EXPECT_EQ(Classify(code, "embed"), FailureClass::kPermanent) << base::CodeName(code);
  }
  EXPECT_EQ(Classify(Code::kNotFound, "decode"), FailureClass::kPermanent) << "a content that is gone";
}

TEST(FailureClass, TheRestMaySucceedLater) {
  for (const Code code : {Code::kNotFound, Code::kConflict, Code::kCorrupt, Code::kInternal}) {
    EXPECT_EQ(Classify(code, "store"), FailureClass::kTransient) << base::CodeName(code);
  }
}

}  // namespace
}  // namespace millrace::ingest
