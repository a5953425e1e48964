// The dotted names of one tenant as a tree of nodes: 20 bytes a node, names shared, children found
// by one hash table over (parent, name) and walked by sibling links.
//
// Not thread-safe; reading is safe while nobody writes. Names are not validated here: they have no
// empty node. At most 2^31 nodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "index/internal/name_pool.h"
#include "index/node.h"
#include "metric/glob.h"

namespace plumbago::index::internal {

class NameTree {
 public:
  static constexpr uint32_t kNone = NamePool::kNone;
  static constexpr uint32_t kRoot = 0;

  NameTree() : nodes_(1), children_(0, ChildHash{&nodes_}, ChildEqual{&nodes_}) {}
  NameTree(const NameTree&) = delete;
  NameTree& operator=(const NameTree&) = delete;

  // False where nothing changed.
  bool Add(absl::string_view metric);
  bool Remove(absl::string_view metric);
  bool Contains(absl::string_view metric) const;

  // For whoever walks the tree.
  absl::string_view NameOf(uint32_t node) const { return names_.Text(nodes_[node].name); }
  bool IsLeaf(uint32_t node) const { return nodes_[node].is_leaf != 0; }
  bool IsBranch(uint32_t node) const { return nodes_[node].first_child != kNone; }
  uint32_t FirstChild(uint32_t node) const { return nodes_[node].first_child; }
  uint32_t NextSibling(uint32_t node) const { return nodes_[node].next_sibling; }
  uint32_t FindChild(uint32_t node, absl::string_view name) const;

 private:
  struct Node {
    uint32_t name = kNone;
    uint32_t parent : 31 = 0;
    uint32_t is_leaf : 1 = 0;
    uint32_t first_child = kNone;
    uint32_t next_sibling = kNone;
    uint32_t previous_sibling = kNone;
  };
  static_assert(sizeof(Node) == 20);
  using Nodes = std::vector<Node>;

  struct ChildKey {
    uint32_t parent;
    uint32_t name;
  };
  struct ChildHash {
    using is_transparent = void;
    const Nodes* nodes;
    size_t operator()(uint32_t node) const {
      return (*this)(ChildKey{(*nodes)[node].parent, (*nodes)[node].name});
    }
    size_t operator()(ChildKey key) const {
      return absl::Hash<std::pair<uint32_t, uint32_t>>()({key.parent, key.name});
    }
  };
  struct ChildEqual {
    using is_transparent = void;
    const Nodes* nodes;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t node, ChildKey key) const {
      return (*nodes)[node].parent == key.parent && (*nodes)[node].name == key.name;
    }
    bool operator()(ChildKey key, uint32_t node) const { return (*this)(node, key); }
  };

  uint32_t FindNode(absl::string_view metric) const;
  uint32_t FindOrAddChild(uint32_t parent, absl::string_view name);
  void RemoveNode(uint32_t node);

  NamePool names_;
  Nodes nodes_;
  std::vector<uint32_t> free_nodes_;
  absl::flat_hash_set<uint32_t, ChildHash, ChildEqual> children_;
};

// Appends what `globs` (of the nodes of a pattern) match to `matches`, in no particular order.
// Visits no node twice. False, with some of them, where there are more than `max_matches`.
bool FindInTree(const NameTree& tree, absl::Span<const metric::Glob> globs, size_t max_matches,
                std::vector<index::Node>& matches);

}  // namespace plumbago::index::internal
