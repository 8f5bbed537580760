// Any bytes as the body of every route that takes one, and as a request target: a document that is accepted is valid,
// and whatever is refused gets an answer that is itself good JSON.

#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "base/utf8.h"
#include "http/codec.h"
#include "http/target.h"

namespace {

using namespace millrace;

void Require(bool holds) {
  if (!holds) std::abort();
}

void RequireGoodProblem(const http::Problem& problem) {
  Require(problem.status >= 400 && problem.status < 500 && !problem.detail.empty());
  const http::Response response = http::ToResponse(problem);
  boost::system::error_code failure;
  const auto parsed = boost::json::parse(response.body, failure);
  Require(!failure && parsed.is_object());
}

void CheckDocument(const http::Decoded<core::NewDocument>& decoded, const core::DocumentLimits& limits) {
  if (const auto* problem = std::get_if<http::Problem>(&decoded)) return RequireGoodProblem(*problem);
  Require(core::Validate(std::get<core::NewDocument>(decoded), limits).has_value());
}

void CheckSearch(const http::Decoded<search::SearchRequest>& decoded) {
  if (const auto* problem = std::get_if<http::Problem>(&decoded)) return RequireGoodProblem(*problem);
  const auto& request = std::get<search::SearchRequest>(decoded);
  Require(request.top_k >= 1 && request.top_k <= 1000 && request.min_score >= -1 && request.min_score <= 1);
  Require(base::IsValidUtf8(request.query) && !base::TrimWhiteSpace(request.query).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const core::DocumentLimits limits;
  CheckDocument(http::DecodeContractDocument(bytes, limits), limits);
  CheckDocument(http::DecodeDocument(bytes, limits), limits);
  CheckSearch(http::DecodeContractSearch(bytes));
  CheckSearch(http::DecodeSearch(bytes));
  if (const auto target = http::ParseTarget(bytes)) {
    Require(base::IsValidUtf8(target->path) && target->path.starts_with('/') && !target->segments.empty());
    for (const char c : target->path) Require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
  return 0;
}
