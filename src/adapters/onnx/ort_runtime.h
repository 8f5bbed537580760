#pragma once

#include <memory>
#include <span>
#include <string>

#include "adapters/onnx/ort_abi.h"
#include "base/result.h"

namespace millrace::onnx {

/// The ONNX Runtime library, loaded at run time: nothing links to it, so that a missing library is a plain error of the
/// commands that need a model. Copyable, thread-safe; the library stays loaded until the process ends.
class OrtRuntime {
 public:
  static base::Result<OrtRuntime> Load(const std::string& path);

  /// The function of one slot: `runtime.Call<ort::Run>(…)`. For those that return no status.
  template <typename Slot, typename... Args>
  auto Call(Args... args) const {
    return Slot::In(table_)(args...);
  }

  /// As Call, for the functions that return a status: kInvalidArgument or kInternal with the library's words, in one
  /// line.
  template <typename Slot, typename... Args>
  base::Status Try(Args... args) const {
    return Take(Slot::In(table_)(args...));
  }

 private:
  explicit OrtRuntime(ort::Table table) : table_(table) {}
  base::Status Take(ort::Status* status) const;

  ort::Table table_;
};

/// Gives a handle back through its own release function.
template <typename ReleaseSlot>
struct OrtRelease {
  const OrtRuntime* runtime;  // outlives the handle

  template <typename T>
  void operator()(T* handle) const {
    runtime->Call<ReleaseSlot>(handle);
  }
};

template <typename T, typename ReleaseSlot>
using OrtHandle = std::unique_ptr<T, OrtRelease<ReleaseSlot>>;

using OrtEnv = OrtHandle<ort::Env, ort::ReleaseEnv>;
using OrtSessionOptions = OrtHandle<ort::SessionOptions, ort::ReleaseSessionOptions>;
using OrtSession = OrtHandle<ort::Session, ort::ReleaseSession>;
using OrtMemoryInfo = OrtHandle<ort::MemoryInfo, ort::ReleaseMemoryInfo>;
using OrtValue = OrtHandle<ort::Value, ort::ReleaseValue>;
using OrtTensorInfo = OrtHandle<ort::TensorInfo, ort::ReleaseTensorTypeAndShapeInfo>;

/// One environment and the options that every session here has: one thread, no spinning, all graph optimisations.
base::Result<OrtEnv> CreateEnv(const OrtRuntime& runtime);
base::Result<OrtSessionOptions> CreateSessionOptions(const OrtRuntime& runtime);

/// A tensor over the caller's memory, which must outlive it.
base::Result<OrtValue> CreateTensor(const OrtRuntime& runtime, const ort::MemoryInfo* memory, void* data,
                                    std::size_t bytes, std::span<const std::int64_t> shape, ort::ElementType type);

}  // namespace millrace::onnx
