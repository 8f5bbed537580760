#pragma once

#include <cstdlib>
#include <string>

namespace millrace::onnx {

/// Where scripts/assets lays the library and the models. A test that needs them fails when they are not there.
inline std::string Asset(const std::string& file) {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  std::string cache = variable("MILLRACE_CACHE");
  if (cache.empty()) {
    const std::string base = variable("XDG_CACHE_HOME");
    cache = (base.empty() ? variable("HOME") + "/.cache" : base) + "/millrace";
  }
  return cache + "/" + file;
}

inline const std::string kRuntime = "runtime/libonnxruntime.so.1";
inline const std::string kFloat32 = "model/model-float32.onnx";
inline const std::string kInt8 = "model/model-int8.onnx";

}  // namespace millrace::onnx
