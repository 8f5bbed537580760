#pragma once

#include <string>
#include <vector>

#include "core/embedder.h"

namespace millrace::embed {

/// An encoder without a model, for tests: every token id has a fixed pseudo-random direction, a sequence is the sum of
/// its tokens' directions scaled to length one. Sequences that share tokens are similar, the same sequence always gives
/// the same vector.
class HashEncoder final : public core::Encoder {
 public:
  struct Options {
    std::size_t dimensions = 384;
    std::size_t max_tokens = 256;
    std::vector<std::int32_t>
        fail_on;  // a batch with a sequence that contains these ids in a row fails: kInvalidArgument

    // While this file exists, a batch with a sequence that contains one of these fails with kInternal, or ends the
    // process without warning.
    std::string faults_file = {};
    std::vector<std::int32_t> fail_for_now_on = {}, crash_on = {};
  };

  HashEncoder() : HashEncoder(Options()) {}
  explicit HashEncoder(Options options) : options_(std::move(options)) {}

  std::size_t dimensions() const override { return options_.dimensions; }
  std::size_t max_tokens() const override { return options_.max_tokens; }
  std::string description() const override;
  base::Result<std::vector<float>> Encode(std::span<const std::vector<std::int32_t>> batch) override;

 private:
  base::Status Fault(const std::vector<std::int32_t>& ids) const;

  const Options options_;
};

}  // namespace millrace::embed
