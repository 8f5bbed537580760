#include "core/limits.h"

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "base/utf8.h"
#include "core/invalid.h"

namespace millrace::core {
namespace {

constexpr int kMinTokens = 16;
constexpr int kMaxTokens = 254;  // the model's 256 without [CLS] and [SEP]

base::Status ValidateText(std::string_view text, const std::string& field, std::string_view name) {
  if (!base::IsValidUtf8(text)) return Invalid(field, fmt::format("{} must be valid UTF-8", name));
  if (text.find('\0') != std::string_view::npos) {
    return Invalid(field, fmt::format("{} must not contain the character U+0000", name));
  }
  return {};
}

base::Status ValidateKey(std::string_view key, const DocumentLimits& limits) {
  if (key.empty()) return Invalid("/key", "key must not be empty; leave it out for a document without one");
  if (key.size() > limits.max_key_bytes) {
    return Invalid("/key", fmt::format("key must have at most {} bytes, it has {}", limits.max_key_bytes, key.size()));
  }
  return ValidateText(key, "/key", "key");
}

base::Status ValidateTitle(std::string_view title, const DocumentLimits& limits) {
  RETURN_IF_ERROR(ValidateText(title, "/title", "title"));
  const auto chars = base::CountCodePoints(title);
  if (chars > static_cast<std::int64_t>(limits.max_title_chars)) {
    return Invalid("/title",
                   fmt::format("title must have at most {} characters, it has {}", limits.max_title_chars, chars));
  }
  return {};
}

base::Status ValidateContent(std::string_view content, const DocumentLimits& limits) {
  if (content.size() > limits.max_content_bytes) {
    return base::Error{
        base::Code::kTooLarge,
        fmt::format("content must have at most {} bytes, it has {}", limits.max_content_bytes, content.size()),
        "/content"};
  }
  RETURN_IF_ERROR(ValidateText(content, "/content", "content"));
  if (base::TrimWhiteSpace(content).empty()) return Invalid("/content", "content must not be blank");
  return {};
}

base::Status ValidateMetadata(const Metadata& metadata) {
  const std::string text = FormatMetadata(metadata);
  RETURN_IF_ERROR(ValidateText(text, "/metadata", "metadata"));
  if (text.size() > kMaxMetadataBytes) {
    return Invalid("/metadata", fmt::format("metadata must have at most {} bytes as JSON, it has {}", kMaxMetadataBytes,
                                            text.size()));
  }
  return {};
}

base::Status ValidateChunking(const Chunking& chunking) {
  if (chunking.max_tokens < kMinTokens || chunking.max_tokens > kMaxTokens) {
    return Invalid("/chunking/max_tokens", fmt::format("max_tokens must be from {} to {}, it is {}", kMinTokens,
                                                       kMaxTokens, chunking.max_tokens));
  }
  if (chunking.overlap_tokens < 0 || chunking.overlap_tokens > chunking.max_tokens / 2) {
    return Invalid("/chunking/overlap_tokens",
                   fmt::format("overlap_tokens must be from 0 to {} (half of max_tokens), it is {}",
                               chunking.max_tokens / 2, chunking.overlap_tokens));
  }
  return {};
}

}  // namespace

base::Status Validate(const NewDocument& document, const DocumentLimits& limits) {
  if (document.key) RETURN_IF_ERROR(ValidateKey(*document.key, limits));
  RETURN_IF_ERROR(ValidateTitle(document.title, limits));
  RETURN_IF_ERROR(ValidateContent(document.content, limits));
  RETURN_IF_ERROR(ValidateMetadata(document.metadata));
  return ValidateChunking(document.chunking);
}

}  // namespace millrace::core
