#pragma once

#include <cstddef>
#include <cstdint>

/// The part of ONNX Runtime's C ABI that is used here. The library exports one function, which hands out a table of
/// function pointers; slots are only ever appended, so a slot's number names its function for every later version.
/// Numbers and signatures: struct OrtApi in onnxruntime_c_api.h (MIT).
namespace millrace::onnx::ort {

inline constexpr std::uint32_t kApiVersion =
    17;  // the oldest that has all of the slots; libraries from 1.17 on serve it
inline constexpr char kEntryPoint[] = "OrtGetApiBase";

using Table = const void* const*;
struct ApiBase {
  Table (*GetApi)(std::uint32_t version);  // null when the library is older than `version`
  const char* (*GetVersionString)();
};
using GetApiBase = const ApiBase* (*)();

// Opaque on the other side; told apart here so that arguments cannot be swapped.
struct Status;
struct Env;
struct SessionOptions;
struct Session;
struct RunOptions;
struct MemoryInfo;
struct Allocator;
struct Value;
struct TensorInfo;

enum ErrorCode : int { kInvalidArgument = 2 };
enum LoggingLevel : int { kLogFatal = 4 };
enum ElementType : int { kFloat32 = 1, kInt64 = 7 };
enum AllocatorType : int { kDeviceAllocator = 0 };
enum MemoryType : int { kMemoryTypeDefault = 0 };
enum GraphOptimization : int { kAllOptimizations = 99 };

/// A slot of the table: its number and the function behind it.
template <std::size_t kNumber, typename Signature>
struct Slot {
  static Signature* In(Table table) { return reinterpret_cast<Signature*>(const_cast<void*>(table[kNumber])); }
};

using GetErrorCode = Slot<1, ErrorCode(const Status*)>;
using GetErrorMessage = Slot<2, const char*(const Status*)>;
using CreateEnv = Slot<3, Status*(LoggingLevel, const char* id, Env**)>;
using CreateSession = Slot<7, Status*(const Env*, const char* path, const SessionOptions*, Session**)>;
using CreateSessionFromArray = Slot<8, Status*(const Env*, const void*, std::size_t, const SessionOptions*, Session**)>;
using Run = Slot<9, Status*(Session*, const RunOptions*, const char* const* input_names, const Value* const* inputs,
                            std::size_t input_count, const char* const* output_names, std::size_t output_count,
                            Value** outputs)>;
using CreateSessionOptions = Slot<10, Status*(SessionOptions**)>;
using SetGraphOptimizationLevel = Slot<23, Status*(SessionOptions*, GraphOptimization)>;
using SetIntraOpNumThreads = Slot<24, Status*(SessionOptions*, int)>;
using SetInterOpNumThreads = Slot<25, Status*(SessionOptions*, int)>;
using SessionGetInputCount = Slot<30, Status*(const Session*, std::size_t*)>;
using SessionGetOutputCount = Slot<31, Status*(const Session*, std::size_t*)>;
using SessionGetInputName = Slot<36, Status*(const Session*, std::size_t index, Allocator*, char**)>;
using SessionGetOutputName = Slot<37, Status*(const Session*, std::size_t index, Allocator*, char**)>;
using CreateTensorWithDataAsOrtValue =
    Slot<49, Status*(const MemoryInfo*, void* data, std::size_t bytes, const std::int64_t* shape, std::size_t rank,
                     ElementType, Value**)>;
using GetTensorMutableData = Slot<51, Status*(Value*, void**)>;
using GetTensorElementType = Slot<60, Status*(const TensorInfo*, ElementType*)>;
using GetDimensionsCount = Slot<61, Status*(const TensorInfo*, std::size_t*)>;
using GetDimensions = Slot<62, Status*(const TensorInfo*, std::int64_t*, std::size_t)>;
using GetTensorTypeAndShape = Slot<65, Status*(const Value*, TensorInfo**)>;
using CreateCpuMemoryInfo = Slot<69, Status*(AllocatorType, MemoryType, MemoryInfo**)>;
using AllocatorFree = Slot<76, Status*(Allocator*, void*)>;
using GetAllocatorWithDefaultOptions = Slot<78, Status*(Allocator**)>;
using ReleaseEnv = Slot<92, void(Env*)>;
using ReleaseStatus = Slot<93, void(Status*)>;
using ReleaseMemoryInfo = Slot<94, void(MemoryInfo*)>;
using ReleaseSession = Slot<95, void(Session*)>;
using ReleaseValue = Slot<96, void(Value*)>;
using ReleaseTensorTypeAndShapeInfo = Slot<99, void(TensorInfo*)>;
using ReleaseSessionOptions = Slot<100, void(SessionOptions*)>;
using AddSessionConfigEntry = Slot<130, Status*(SessionOptions*, const char* key, const char* value)>;

}  // namespace millrace::onnx::ort
