#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "ingest/upload_message.h"

/// Records of `document-uploads` come from anyone: what is accepted must name a document and hold text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const millrace::core::StoreIdentity store{"store", 1};
  millrace::core::LogRecord record;
  record.position = {millrace::core::kUploadsTopic, 0, 0};
  record.value = std::string(reinterpret_cast<const char*>(data), size);
  if (size > 0 && data[0] % 2 == 0) {
    record.headers = {{"millrace-store", "store/1"}, {"millrace-version", record.value->substr(0, 3)}};
  }
  const auto upload = millrace::ingest::DecodeUpload(std::move(record), store);
  if (!upload) return 0;
  if (upload->work.id <= 0) std::abort();
  if (upload->work.version == 0 && upload->work.content.empty()) std::abort();
  return 0;
}
