#pragma once

#include <cstddef>

namespace millrace::index {

/// Zeroed memory in 2 MiB pages where the system grants them: scans of 4 KiB pages spend up to half their time on page
/// walks.
class PageArena {
 public:
  /// Throws std::bad_alloc, as `new` does.
  explicit PageArena(std::size_t bytes);
  ~PageArena();
  PageArena(const PageArena&) = delete;
  PageArena& operator=(const PageArena&) = delete;

  /// The next `count` elements, on a cache line of their own. REQUIRES: they fit in `bytes`, each array rounded up
  /// to 64.
  template <typename T>
  T* Take(std::size_t count) {
    T* array = reinterpret_cast<T*>(begin_ + taken_);
    taken_ += (count * sizeof(T) + 63) / 64 * 64;
    return array;
  }

  static std::size_t RoundUp(std::size_t bytes);  // to what an arena of that size really takes

 private:
  std::size_t bytes_;
  std::byte* begin_ = nullptr;
  std::size_t taken_ = 0;
};

}  // namespace millrace::index
