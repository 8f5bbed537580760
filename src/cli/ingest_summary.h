#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/exit_code.h"
#include "cli/ingest_tally.h"
#include "cli/output.h"

namespace millrace::cli {

/// What `millrace ingest` says at its end.
struct IngestSummary {
  IngestCounts counts = {};
  std::map<std::string, size_t> skipped_types = {};
  std::vector<std::pair<std::string, std::string>> same_page = {};  // path, and the path taken instead
  std::vector<IngestTally::Failure> failures = {};
  bool waited = true;
};

/// Table: a few lines, at most 20 failures among them. JSON: one object with all of it.
std::string FormatSummary(const IngestSummary& summary, OutputFormat format);

/// kOk; kPartly when some documents failed, kFailed when all did.
ExitCode ExitCodeOf(const IngestSummary& summary);

}  // namespace millrace::cli
