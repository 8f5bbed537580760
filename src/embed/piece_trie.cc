#include "embed/piece_trie.h"

#include <bit>
#include <utility>

namespace millrace::embed {
namespace {

constexpr std::size_t kFirstEdges = 1024;

std::uint32_t Key(std::uint32_t node, char byte) { return node << 8 | static_cast<unsigned char>(byte); }

}  // namespace

PieceTrie::PieceTrie()
    : edges_(kFirstEdges), ids_{-1, -1}, shift_(32u - static_cast<unsigned>(std::countr_zero(kFirstEdges))) {}

bool PieceTrie::Insert(Root root, std::string_view piece, std::int32_t id) {
  std::uint32_t node = root;
  for (const char byte : piece) {
    Edge& edge = edges_[Slot(Key(node, byte))];
    if (edge.child != 0) {
      node = edge.child;
      continue;
    }
    edge = {Key(node, byte), static_cast<std::uint32_t>(ids_.size())};
    node = edge.child;
    ids_.push_back(-1);
    if (ids_.size() * 3 > edges_.size() * 2) Grow();
  }
  if (ids_[node] >= 0) return false;
  ids_[node] = id;
  return true;
}

PieceTrie::Match PieceTrie::Longest(Root root, std::string_view text) const {
  Match match;
  std::uint32_t node = root;
  for (std::size_t i = 0; i < text.size(); ++i) {
    node = edges_[Slot(Key(node, text[i]))].child;
    if (node == 0) break;
    if (ids_[node] >= 0) match = {ids_[node], i + 1};
  }
  return match;
}

/// Where the key is, or the free slot where it would go.
std::size_t PieceTrie::Slot(std::uint32_t key) const {
  std::size_t slot = (key * 0x9E3779B1u) >> shift_;
  while (edges_[slot].child != 0 && edges_[slot].key != key) slot = (slot + 1) & (edges_.size() - 1);
  return slot;
}

void PieceTrie::Grow() {
  std::vector<Edge> old(edges_.size() * 2);
  old.swap(edges_);
  --shift_;
  for (const Edge& edge : old) {
    if (edge.child != 0) edges_[Slot(edge.key)] = edge;
  }
}

}  // namespace millrace::embed
