#pragma once

#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "core/embedder.h"
#include "embed/batching_embedder.h"
#include "main/config.h"

namespace millrace::app {

/// The model in force, from token ids to the batching queue in front of it.
struct Model {
  std::unique_ptr<core::Tokenizer> tokenizer;
  std::unique_ptr<core::Encoder> encoder;
  std::unique_ptr<embed::BatchingEmbedder> embedder;
  std::string description;  // recorded with the vectors
};

/// Finds runtime/ and model/ in `config.assets`, beside the program or in the cache, loads them, and checks golden
/// vectors. The error is one line that says what is missing or wrong and what to do.
base::Result<Model> OpenModel(const Config& config, base::Metrics& metrics);

/// How many seconds this machine takes to embed that much English text: measured on a little of it.
double EstimateSeconds(core::Embedder& embedder, std::int64_t bytes);

}  // namespace millrace::app
