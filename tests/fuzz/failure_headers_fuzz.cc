#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "ingest/failure_headers.h"

namespace {

using millrace::core::LogRecord;

/// Name and value by turns, a byte of length before each.
LogRecord RecordOf(const std::uint8_t* data, std::size_t size) {
  LogRecord record;
  record.position = {millrace::core::kUploadsTopic, 0, 1};
  const auto take = [&] {
    if (size == 0) return std::string();
    const std::size_t length = std::min<std::size_t>(data[0] % 32, size - 1);
    std::string text(reinterpret_cast<const char*>(data + 1), length);
    data += length + 1;
    size -= length + 1;
    return text;
  };
  while (size > 0) {
    std::string name = take();
    if (name.size() > 3) name = "millrace-" + name;
    record.headers.push_back({std::move(name), take()});
  }
  return record;
}

}  // namespace

/// Headers come from anyone: a copy has each of ours once and all of the others, and says what was read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace::ingest;
  const millrace::core::StoreIdentity store{"store", 1};
  LogRecord record = RecordOf(data, size);
  if (size % 2 == 0) record.headers.push_back({"millrace-store", "store/1"});
  FailureTrace trace = ReadTrace(record, store);
  if (!trace.ours && (trace.version != 0 || trace.dead_letter != 0 || trace.original != record.position)) std::abort();
  const FailureNote note{{"code", "message", "stage"}, "transient", record.timestamp, std::nullopt};
  ++trace.attempt;
  LogRecord copy = CopyOfFailed(record, trace, note, store, "retry");
  std::set<std::string> ours;
  std::size_t theirs = 0;
  for (const auto& header : copy.headers) {
    if (!IsOurHeader(header.name)) {
      ++theirs;
    } else if (!ours.insert(header.name).second) {
      std::abort();
    }
  }
  for (const auto& header : record.headers) theirs -= IsOurHeader(header.name) ? 0 : 1;
  if (theirs != 0) std::abort();
  const FailureTrace read = ReadTrace(copy, store);
  if (read.version != trace.version || read.original != trace.original || read.attempt != trace.attempt) std::abort();
  return 0;
}
