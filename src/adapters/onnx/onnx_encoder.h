#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "core/embedder.h"

namespace millrace::onnx {

struct OnnxOptions {
  std::string runtime_path;  // libonnxruntime.so.1, 1.17 or newer
  std::string model_path;    // a BERT encoder: input_ids, attention_mask, token_type_ids in, token states out
  std::string model = "all-MiniLM-L6-v2";
  std::string precision = "float32";
  std::size_t dimensions = 384;
  std::size_t max_tokens = 256;
};

/// A sentence encoder on ONNX Runtime: one session for all threads, each Encode() on the thread that calls it.
/// A batch is padded to its longest sequence only, so callers do well to batch sequences of similar length.
class OnnxEncoder final : public core::Encoder {
 public:
  /// Loads library and model and runs it once. kNotFound: a file is missing; kCorrupt: the file is not a model that
  /// can be run; kInvalidArgument: it is another kind of model, or of another width. Each a single line.
  static base::Result<std::unique_ptr<core::Encoder>> Create(const OnnxOptions& options);
  ~OnnxEncoder() override;

  std::size_t dimensions() const override;
  std::size_t max_tokens() const override;
  std::string description() const override;

  /// kInvalidArgument when a sequence is empty or too long, or an id is not in the vocabulary.
  base::Result<std::vector<float>> Encode(std::span<const std::vector<std::int32_t>> batch) override;

 private:
  struct Session;
  OnnxEncoder(OnnxOptions options, std::unique_ptr<Session> session);
  base::Status Probe();

  const OnnxOptions options_;
  const std::unique_ptr<Session> session_;
};

}  // namespace millrace::onnx
