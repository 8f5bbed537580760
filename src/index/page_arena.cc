#include "index/page_arena.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace millrace::index {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kPage = 4096;

}  // namespace

std::size_t PageArena::RoundUp(std::size_t bytes) {
  const std::size_t page = bytes < kHugePage / 2 ? kPage : kHugePage;
  return (bytes + page - 1) / page * page;
}

PageArena::PageArena(std::size_t bytes) : bytes_(RoundUp(bytes)) {
  // mmap aligns to 4 KiB: ask for one huge page more and give back what lies outside the aligned part.
  const std::size_t asked = bytes_ + kHugePage;
  void* memory = mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* const first = static_cast<std::byte*>(memory);
  const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(first) % kHugePage) % kHugePage;
  begin_ = first + before;
  if (before > 0) munmap(first, before);
  if (before < kHugePage) munmap(begin_ + bytes_, kHugePage - before);
  madvise(begin_, bytes_, MADV_HUGEPAGE);  // advice: without it searches are slower, not wrong
}

PageArena::~PageArena() { munmap(begin_, bytes_); }

}  // namespace millrace::index
