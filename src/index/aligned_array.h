#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace millrace::index {

inline constexpr std::size_t kAlignment = 64;  // bytes; a cache line, and the widest vector register

struct AlignedDelete {
  void operator()(void* memory) const { ::operator delete[](memory, std::align_val_t{kAlignment}); }
};

/// Numbers that vector loads may read from the start of each cache line.
template <typename T>
using AlignedArray = std::unique_ptr<T[], AlignedDelete>;

/// Not initialised: pages of a large array that are never written cost no memory.
template <typename T>
AlignedArray<T> MakeAligned(std::size_t size) {
  return AlignedArray<T>(static_cast<T*>(::operator new[](size * sizeof(T), std::align_val_t{kAlignment})));
}

}  // namespace millrace::index
