#include "cli/html_tree.h"

#include <gumbo.h>

#include <csetjmp>
#include <memory_resource>
#include <utility>

#include "base/deadline.h"

namespace millrace::cli {

struct HtmlTree::Arena {
  explicit Arena(const HtmlLimits& limits)
      : bytes_left(limits.max_memory_bytes), deadline(base::Deadline::After(limits.max_time)) {}

  /// gumbo knows no failed allocation: leaving its C frames at once is safe because all it holds is in this arena.
  static void* Allocate(void* self, size_t size) {
    auto* arena = static_cast<Arena*>(self);
    const bool look_at_clock = ++arena->allocations % 64 == 0;
    if (size > arena->bytes_left || (look_at_clock && arena->deadline.expired())) std::longjmp(arena->give_up, 1);
    arena->bytes_left -= size;
    return arena->memory.allocate(size);
  }
  static void Free(void*, void*) {}  // all at once, with the arena

  size_t bytes_left;
  size_t allocations = 0;
  base::Deadline deadline;
  std::pmr::monotonic_buffer_resource memory;
  std::jmp_buf give_up;
};

HtmlTree::HtmlTree(std::unique_ptr<Arena> arena) : arena_(std::move(arena)) {}
HtmlTree::HtmlTree(HtmlTree&&) noexcept = default;
HtmlTree::~HtmlTree() = default;

// Only trivial objects live here, so that the jump skips no destructor.
const GumboInternalNode* HtmlTree::Build(Arena& arena, std::string_view html) {
  if (setjmp(arena.give_up) != 0) return nullptr;
  GumboOptions options = kGumboDefaultOptions;
  options.allocator = &Arena::Allocate;
  options.deallocator = &Arena::Free;
  options.userdata = &arena;
  options.max_errors = 0;
  return gumbo_parse_with_options(&options, html.data(), html.size())->root;
}

base::Result<HtmlTree> HtmlTree::Parse(std::string_view html, const HtmlLimits& limits) {
  HtmlTree tree(std::make_unique<Arena>(limits));
  tree.root_ = Build(*tree.arena_, html);
  if (tree.root_ == nullptr) {
    return base::Error{base::Code::kTooLarge, "HTML too deeply nested or too large to read", {}};
  }
  return tree;
}

}  // namespace millrace::cli
