#include "matmul_bound.h"

#include <algorithm>
#include <ctime>
#include <string_view>

#include "adapters/onnx/ort_runtime.h"

namespace millrace::bench {
namespace {

namespace ort = onnx::ort;

constexpr std::int64_t kM = 512, kK = 384, kN = 1536;

std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

// Fields of a protobuf message: a number, and anything with a length.
std::string Number(int field, std::int64_t value) {
  return Varint(static_cast<std::uint64_t>(field) << 3) + Varint(static_cast<std::uint64_t>(value));
}
std::string Bytes(int field, std::string_view bytes) {
  return Varint(static_cast<std::uint64_t>(field) << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}

std::string ValueInfo(std::string_view name, std::int64_t rows, std::int64_t columns) {
  const std::string shape = Bytes(1, Number(1, rows)) + Bytes(1, Number(1, columns));
  return Bytes(1, name) + Bytes(2, Bytes(1, Number(1, ort::kFloat32) + Bytes(2, shape)));
}

/// An ONNX ModelProto with one node, c = a · b, and b inside it. Field numbers: onnx.proto3.
std::string MatmulModel() {
  std::vector<float> weights(kK * kN);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i % 97) * 0.01F - 0.5F;
  const std::string_view raw(reinterpret_cast<const char*>(weights.data()), weights.size() * sizeof(float));
  const std::string node = Bytes(1, "a") + Bytes(1, "b") + Bytes(2, "c") + Bytes(4, "MatMul");
  const std::string initializer =
      Number(1, kK) + Number(1, kN) + Number(2, ort::kFloat32) + Bytes(8, "b") + Bytes(9, raw);
  const std::string graph = Bytes(1, node) + Bytes(2, "matmul") + Bytes(5, initializer) +
                            Bytes(11, ValueInfo("a", kM, kK)) + Bytes(12, ValueInfo("c", kM, kN));
  return Number(1, 8) + Bytes(7, graph) + Bytes(8, Bytes(1, "") + Number(2, 14));
}

double Clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

double ThreadCpuSeconds() { return Clock(CLOCK_THREAD_CPUTIME_ID); }
double ProcessCpuSeconds() { return Clock(CLOCK_PROCESS_CPUTIME_ID); }

struct MatmulBound::State {
  explicit State(onnx::OrtRuntime loaded) : runtime(loaded) {}

  base::Status Open() {
    ASSIGN_OR_RETURN(env, onnx::CreateEnv(runtime));
    ASSIGN_OR_RETURN(const auto options, onnx::CreateSessionOptions(runtime));
    ort::MemoryInfo* cpu = nullptr;
    RETURN_IF_ERROR(runtime.Try<ort::CreateCpuMemoryInfo>(ort::kDeviceAllocator, ort::kMemoryTypeDefault, &cpu));
    memory = onnx::OrtMemoryInfo(cpu, {&runtime});
    const std::string model = MatmulModel();
    ort::Session* opened = nullptr;
    RETURN_IF_ERROR(runtime.Try<ort::CreateSessionFromArray>(env.get(), static_cast<const void*>(model.data()),
                                                             model.size(), options.get(), &opened));
    session = onnx::OrtSession(opened, {&runtime});
    return {};
  }

  base::Status Run() {
    constexpr std::int64_t kShape[] = {kM, kK};
    ASSIGN_OR_RETURN(const auto a, onnx::CreateTensor(runtime, memory.get(), input.data(), input.size() * sizeof(float),
                                                      kShape, ort::kFloat32));
    const char *input_name = "a", *output_name = "c";
    const ort::Value* in = a.get();
    ort::Value* out = nullptr;
    RETURN_IF_ERROR(runtime.Try<ort::Run>(session.get(), nullptr, &input_name, &in, std::size_t{1}, &output_name,
                                          std::size_t{1}, &out));
    const onnx::OrtValue released(out, {&runtime});
    return {};
  }

  const onnx::OrtRuntime runtime;
  onnx::OrtEnv env;
  onnx::OrtMemoryInfo memory;
  onnx::OrtSession session;
  std::vector<float> input = std::vector<float>(kM * kK, 0.5F);
};

base::Result<MatmulBound> MatmulBound::Create(const std::string& runtime_path) {
  ASSIGN_OR_RETURN(const auto runtime, onnx::OrtRuntime::Load(runtime_path));
  auto state = std::make_unique<State>(runtime);
  RETURN_IF_ERROR(state->Open());
  return MatmulBound(std::move(state));
}

MatmulBound::MatmulBound(std::unique_ptr<State> state) : state_(std::move(state)) {}
MatmulBound::MatmulBound(MatmulBound&&) noexcept = default;
MatmulBound::~MatmulBound() = default;

base::Result<double> MatmulBound::Measure(double seconds) {
  RETURN_IF_ERROR(state_->Run());
  const double start = ThreadCpuSeconds();
  double elapsed = 0, products = 0;
  for (; elapsed < seconds; elapsed = ThreadCpuSeconds() - start, ++products) RETURN_IF_ERROR(state_->Run());
  return products * 2.0 * static_cast<double>(kM * kK * kN) / elapsed;
}

}  // namespace millrace::bench
