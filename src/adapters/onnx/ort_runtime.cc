#include "adapters/onnx/ort_runtime.h"

#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace millrace::onnx {
namespace {

std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return text;
}

/// Whether a library's file ends before its last segment: mapping such a file would end the process with SIGBUS instead
/// of an error.
bool IsCutShort(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header)) return false;  // dlopen itself sees that
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return false;            // no library at all: dlopen says so
  std::error_code ignored;
  const std::uintmax_t size = std::filesystem::file_size(path, ignored);
  file.seekg(static_cast<std::streamoff>(header.e_phoff));
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    if (!file.read(reinterpret_cast<char*>(&segment), sizeof segment)) return true;
    if (segment.p_offset + segment.p_filesz > size) return true;
  }
  return false;
}

}  // namespace

base::Result<OrtRuntime> OrtRuntime::Load(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return {base::Code::kNotFound, fmt::format("there is no ONNX Runtime library at {}", path)};
  }
  if (IsCutShort(path)) return {base::Code::kCorrupt, fmt::format("{} is not whole", path)};
  // Never closed: the library keeps state in threads that may outlive the last session.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return {base::Code::kUnavailable, fmt::format("cannot load the ONNX Runtime library: {}", OneLine(dlerror()))};
  }
  const auto entry = reinterpret_cast<ort::GetApiBase>(dlsym(library, ort::kEntryPoint));
  if (entry == nullptr) {
    return {base::Code::kUnavailable, fmt::format("{} is not the ONNX Runtime library", path)};
  }
  const ort::Table table = entry()->GetApi(ort::kApiVersion);
  if (table == nullptr) {
    return {base::Code::kUnavailable, fmt::format("{} is ONNX Runtime {}, which is too old: 1.{} or newer is needed",
                                                  path, entry()->GetVersionString(), ort::kApiVersion)};
  }
  return OrtRuntime(table);
}

base::Status OrtRuntime::Take(ort::Status* status) const {
  if (status == nullptr) return {};
  const bool callers_fault = Call<ort::GetErrorCode>(status) == ort::kInvalidArgument;
  base::Error error{callers_fault ? base::Code::kInvalidArgument : base::Code::kInternal,
                    "ONNX Runtime: " + OneLine(Call<ort::GetErrorMessage>(status)),
                    {}};
  Call<ort::ReleaseStatus>(status);
  return error;
}

base::Result<OrtEnv> CreateEnv(const OrtRuntime& runtime) {
  ort::Env* env = nullptr;
  // Errors come back as statuses; what the library would print besides them is noise.
  RETURN_IF_ERROR(runtime.Try<ort::CreateEnv>(ort::kLogFatal, "millrace", &env));
  return OrtEnv(env, {&runtime});
}

base::Result<OrtSessionOptions> CreateSessionOptions(const OrtRuntime& runtime) {
  ort::SessionOptions* raw = nullptr;
  RETURN_IF_ERROR(runtime.Try<ort::CreateSessionOptions>(&raw));
  OrtSessionOptions options(raw, {&runtime});
  RETURN_IF_ERROR(runtime.Try<ort::SetIntraOpNumThreads>(raw, 1));
  RETURN_IF_ERROR(runtime.Try<ort::SetInterOpNumThreads>(raw, 1));
  RETURN_IF_ERROR(runtime.Try<ort::SetGraphOptimizationLevel>(raw, ort::kAllOptimizations));
  RETURN_IF_ERROR(runtime.Try<ort::AddSessionConfigEntry>(raw, "session.intra_op.allow_spinning", "0"));
  return options;
}

base::Result<OrtValue> CreateTensor(const OrtRuntime& runtime, const ort::MemoryInfo* memory, void* data,
                                    std::size_t bytes, std::span<const std::int64_t> shape, ort::ElementType type) {
  ort::Value* value = nullptr;
  RETURN_IF_ERROR(
      runtime.Try<ort::CreateTensorWithDataAsOrtValue>(memory, data, bytes, shape.data(), shape.size(), type, &value));
  return OrtValue(value, {&runtime});
}

}  // namespace millrace::onnx
