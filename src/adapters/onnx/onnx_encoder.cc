#include "adapters/onnx/onnx_encoder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <utility>

#include "adapters/onnx/ort_runtime.h"

namespace millrace::onnx {
namespace {

constexpr std::array<const char*, 3> kInputs = {"input_ids", "attention_mask", "token_type_ids"};

/// The inputs of one run: row-major [sequences × longest], zero where a sequence has ended.
struct Padded {
  explicit Padded(std::span<const std::vector<std::int32_t>> batch) {
    std::size_t longest = 0;
    for (const auto& sequence : batch) longest = std::max(longest, sequence.size());
    shape = {static_cast<std::int64_t>(batch.size()), static_cast<std::int64_t>(longest)};
    for (auto& tensor : tensors) tensor.assign(batch.size() * longest, 0);
    for (std::size_t row = 0; row < batch.size(); ++row) {
      const auto offset = static_cast<std::ptrdiff_t>(row * longest);
      std::copy(batch[row].begin(), batch[row].end(), tensors[0].begin() + offset);
      std::fill_n(tensors[1].begin() + offset, batch[row].size(), 1);
    }
  }

  std::array<std::int64_t, 2> shape;
  std::array<std::vector<std::int64_t>, kInputs.size()> tensors;  // in the order of kInputs
};

/// The mean of `count` token states, scaled to length one: the division by `count` falls out.
void PoolUnit(const float* states, std::size_t count, std::span<float> vector) {
  std::fill(vector.begin(), vector.end(), 0.0F);
  for (std::size_t token = 0; token < count; ++token, states += vector.size()) {
    for (std::size_t i = 0; i < vector.size(); ++i) vector[i] += states[i];
  }
  float squares = 0;
  for (const float x : vector) squares += x * x;
  const float scale = 1.0F / std::max(std::sqrt(squares), 1e-12F);
  for (float& x : vector) x *= scale;
}

}  // namespace

struct OnnxEncoder::Session {
  explicit Session(OrtRuntime loaded) : runtime(loaded) {}

  base::Status Open(const std::string& model_path);
  base::Result<std::string> Name(bool input, std::size_t index) const;
  base::Status CheckInputs() const;
  base::Result<OrtValue> Run(Padded& padded) const;
  base::Result<std::vector<std::int64_t>> Shape(const ort::Value* value) const;

  const OrtRuntime runtime;
  OrtEnv env;
  OrtMemoryInfo memory;
  OrtSession session;  // before env in destruction
  std::string output;
};

base::Status OnnxEncoder::Session::Open(const std::string& model_path) {
  ASSIGN_OR_RETURN(env, CreateEnv(runtime));
  ort::MemoryInfo* cpu = nullptr;
  RETURN_IF_ERROR(runtime.Try<ort::CreateCpuMemoryInfo>(ort::kDeviceAllocator, ort::kMemoryTypeDefault, &cpu));
  memory = OrtMemoryInfo(cpu, {&runtime});
  ASSIGN_OR_RETURN(const OrtSessionOptions session_options, CreateSessionOptions(runtime));
  ort::Session* opened = nullptr;
  const base::Status loaded =
      runtime.Try<ort::CreateSession>(env.get(), model_path.c_str(), session_options.get(), &opened);
  if (!loaded) {
    return {base::Code::kCorrupt,
            fmt::format("{} cannot be loaded as a model: {}", model_path, loaded.error().message)};
  }
  session = OrtSession(opened, {&runtime});
  RETURN_IF_ERROR(CheckInputs());
  ASSIGN_OR_RETURN(output, Name(false, 0));
  return {};
}

base::Result<std::string> OnnxEncoder::Session::Name(bool input, std::size_t index) const {
  ort::Allocator* allocator = nullptr;
  RETURN_IF_ERROR(runtime.Try<ort::GetAllocatorWithDefaultOptions>(&allocator));
  char* raw = nullptr;
  RETURN_IF_ERROR(input ? runtime.Try<ort::SessionGetInputName>(session.get(), index, allocator, &raw)
                        : runtime.Try<ort::SessionGetOutputName>(session.get(), index, allocator, &raw));
  std::string name = raw;
  RETURN_IF_ERROR(runtime.Try<ort::AllocatorFree>(allocator, raw));
  return name;
}

base::Status OnnxEncoder::Session::CheckInputs() const {
  std::size_t count = 0;
  RETURN_IF_ERROR(runtime.Try<ort::SessionGetInputCount>(session.get(), &count));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(names.emplace_back(), Name(true, i));
  }
  if (std::is_permutation(names.begin(), names.end(), kInputs.begin(), kInputs.end())) return {};
  return {base::Code::kInvalidArgument,
          fmt::format("a model with the inputs {} is needed, this one has {}", fmt::join(kInputs, ", "),
                      names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")))};
}

base::Result<OrtValue> OnnxEncoder::Session::Run(Padded& padded) const {
  std::array<OrtValue, kInputs.size()> tensors;
  std::array<const ort::Value*, kInputs.size()> inputs{};
  for (std::size_t i = 0; i < kInputs.size(); ++i) {
    auto& data = padded.tensors[i];
    ASSIGN_OR_RETURN(tensors[i], CreateTensor(runtime, memory.get(), data.data(), data.size() * sizeof(data[0]),
                                              padded.shape, ort::kInt64));
    inputs[i] = tensors[i].get();
  }
  const char* output_name = output.c_str();
  ort::Value* states = nullptr;
  RETURN_IF_ERROR(runtime.Try<ort::Run>(session.get(), nullptr, kInputs.data(), inputs.data(), inputs.size(),
                                        &output_name, std::size_t{1}, &states));
  return OrtValue(states, {&runtime});
}

base::Result<std::vector<std::int64_t>> OnnxEncoder::Session::Shape(const ort::Value* value) const {
  ort::TensorInfo* raw = nullptr;
  RETURN_IF_ERROR(runtime.Try<ort::GetTensorTypeAndShape>(value, &raw));
  const OrtTensorInfo info(raw, {&runtime});
  ort::ElementType type{};
  RETURN_IF_ERROR(runtime.Try<ort::GetTensorElementType>(raw, &type));
  if (type != ort::kFloat32) return {base::Code::kInvalidArgument, "the model's output is not made of 32-bit floats"};
  std::size_t rank = 0;
  RETURN_IF_ERROR(runtime.Try<ort::GetDimensionsCount>(raw, &rank));
  std::vector<std::int64_t> shape(rank);
  RETURN_IF_ERROR(runtime.Try<ort::GetDimensions>(raw, shape.data(), rank));
  return shape;
}

base::Result<std::unique_ptr<core::Encoder>> OnnxEncoder::Create(const OnnxOptions& options) {
  ASSIGN_OR_RETURN(const OrtRuntime runtime, OrtRuntime::Load(options.runtime_path));
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(options.model_path, ignored)) {
    return {base::Code::kNotFound, fmt::format("there is no model at {}", options.model_path)};
  }
  auto session = std::make_unique<Session>(runtime);
  RETURN_IF_ERROR(session->Open(options.model_path));
  std::unique_ptr<OnnxEncoder> encoder(new OnnxEncoder(options, std::move(session)));
  RETURN_IF_ERROR(encoder->Probe());
  return std::unique_ptr<core::Encoder>(std::move(encoder));
}

OnnxEncoder::OnnxEncoder(OnnxOptions options, std::unique_ptr<Session> session)
    : options_(std::move(options)), session_(std::move(session)) {}
OnnxEncoder::~OnnxEncoder() = default;

std::size_t OnnxEncoder::dimensions() const { return options_.dimensions; }
std::size_t OnnxEncoder::max_tokens() const { return options_.max_tokens; }
std::string OnnxEncoder::description() const {
  return fmt::format("{} {} {}", options_.model, options_.precision, options_.dimensions);
}

base::Status OnnxEncoder::Probe() {
  const std::vector<std::vector<std::int32_t>> two_ids = {{1, 2}};
  auto vectors = Encode(two_ids);
  if (!vectors) {
    return base::Error{
        vectors.error().code, fmt::format("{} cannot be used: {}", options_.model_path, vectors.error().message), {}};
  }
  return {};
}

base::Result<std::vector<float>> OnnxEncoder::Encode(std::span<const std::vector<std::int32_t>> batch) {
  if (batch.empty()) return std::vector<float>{};
  for (const auto& sequence : batch) {
    if (sequence.empty() || sequence.size() > options_.max_tokens) {
      return {base::Code::kInvalidArgument, fmt::format("a sequence of 1 to {} token ids is needed, this one has {}",
                                                        options_.max_tokens, sequence.size())};
    }
  }
  Padded padded(batch);
  ASSIGN_OR_RETURN(const OrtValue states, session_->Run(padded));
  ASSIGN_OR_RETURN(const auto shape, session_->Shape(states.get()));
  const auto width = static_cast<std::int64_t>(options_.dimensions);
  if (shape != std::vector<std::int64_t>{padded.shape[0], padded.shape[1], width}) {
    return {base::Code::kInvalidArgument,
            fmt::format("the model's output has the shape [{}], expected was [{}, {}, {}]", fmt::join(shape, ", "),
                        padded.shape[0], padded.shape[1], width)};
  }
  void* data = nullptr;
  RETURN_IF_ERROR(session_->runtime.Try<ort::GetTensorMutableData>(states.get(), &data));
  std::vector<float> vectors(batch.size() * options_.dimensions);
  const auto stride = static_cast<std::size_t>(padded.shape[1]) * options_.dimensions;
  for (std::size_t row = 0; row < batch.size(); ++row) {
    PoolUnit(static_cast<const float*>(data) + row * stride, batch[row].size(),
             std::span(vectors).subspan(row * options_.dimensions, options_.dimensions));
  }
  return vectors;
}

}  // namespace millrace::onnx
