#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::embed {

/// The vocabulary as two byte tries, one for pieces that start a word and one for pieces that continue it. All edges
/// lie in one open-addressed hash table: 30,522 pieces take 1.3 MB and a step costs one probe.
class PieceTrie {
 public:
  enum Root : std::uint32_t { kWordStart, kContinuation };
  static constexpr std::size_t kMaxBytes = 1 << 24;  // all pieces together; a node number shares a word with a byte

  struct Match {
    std::int32_t id = -1;    // -1: no piece fits
    std::size_t length = 0;  // bytes
  };

  PieceTrie();

  /// False when the piece is there already. REQUIRES: piece not empty, id >= 0
  bool Insert(Root root, std::string_view piece, std::int32_t id);

  /// The longest piece that `text` starts with.
  Match Longest(Root root, std::string_view text) const;

 private:
  struct Edge {
    std::uint32_t key = 0;    // parent node << 8 | byte
    std::uint32_t child = 0;  // 0: free slot; no edge leads to a root
  };

  std::size_t Slot(std::uint32_t key) const;
  void Grow();

  std::vector<Edge> edges_;        // a power of two, at most two thirds full
  std::vector<std::int32_t> ids_;  // by node; -1: no piece ends here
  unsigned shift_ = 0;             // a key's hash is its top 32 - shift_ bits after a multiplication
};

}  // namespace millrace::embed
