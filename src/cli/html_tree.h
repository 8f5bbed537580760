#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

#include "base/result.h"

struct GumboInternalNode;

namespace millrace::cli {

struct HtmlLimits {
  size_t max_memory_bytes = 1 << 30;
  std::chrono::milliseconds max_time{10'000};
};

/// A parsed page. gumbo frees its trees recursively and walks the open elements for every tag, so hostile nesting
/// would overflow the stack or take hours; here its memory is one arena, and both memory and time have an end.
class HtmlTree {
 public:
  /// The tree points into `html`, which must outlive it. kTooLarge when a limit was reached.
  static base::Result<HtmlTree> Parse(std::string_view html, const HtmlLimits& limits = {});
  HtmlTree(HtmlTree&&) noexcept;
  ~HtmlTree();

  const GumboInternalNode* root() const { return root_; }  // <html>

 private:
  struct Arena;
  explicit HtmlTree(std::unique_ptr<Arena> arena);
  static const GumboInternalNode* Build(Arena& arena, std::string_view html);

  std::unique_ptr<Arena> arena_;
  const GumboInternalNode* root_ = nullptr;
};

}  // namespace millrace::cli
