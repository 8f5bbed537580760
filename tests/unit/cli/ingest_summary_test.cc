#include "cli/ingest_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(IngestSummary, ExitCodes) {
  EXPECT_EQ(ExitCodeOf(IngestSummary{}), kOk);
  EXPECT_EQ(ExitCodeOf(IngestSummary{.counts = {.accepted = 3, .indexed = 3}}), kOk);
  EXPECT_EQ(ExitCodeOf(IngestSummary{.counts = {.accepted = 3, .failed = 1}}), kPartly);
  EXPECT_EQ(ExitCodeOf(IngestSummary{.counts = {.unchanged = 3, .failed = 1}}), kPartly);
  EXPECT_EQ(ExitCodeOf(IngestSummary{.counts = {.failed = 1}}), kFailed);
}

TEST(IngestSummary, NamesSkippedTypesMostFrequentFirst) {
  IngestSummary summary;
  summary.skipped_types = {{".css", 1}, {".png", 12}, {".\x1b", 2}};
  summary.same_page = {{"a.txt", "a.html"}};
  EXPECT_THAT(FormatSummary(summary, OutputFormat::kTable),
              HasSubstr("skipped    16 (.png 12, .\\x1b 2, .css 1, same page in another format 1)\n"));
}

TEST(IngestSummary, ListsTwentyFailuresAndAllInJson) {
  IngestSummary summary;
  for (int i = 1; i <= 23; ++i) summary.failures.emplace_back("file" + std::to_string(i) + ".", "why\x1b");
  const std::string table = FormatSummary(summary, OutputFormat::kTable);
  EXPECT_THAT(table, HasSubstr("  file20.: why\\x1b\n  and 3 more (all with -o json)\n"));
  EXPECT_THAT(table, Not(HasSubstr("file21.")));
  EXPECT_THAT(FormatSummary(summary, OutputFormat::kJson), HasSubstr("\"name\":\"file23.\""));
}

}  // namespace
}  // namespace millrace::cli
