// The dotted names of one tenant as a tree of nodes, with the sums of what is below each: 36 bytes
// a node, names shared. Children are linked to each other; where there are more than a few, one
// hash table over (parent, name) finds them.
//
// Not thread-safe; reading is safe while nobody writes. Names are not validated here: they have no
// empty node. At most 2^32 - 2 nodes. A node's number means the same until `removal_count` changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "index/internal/chunked_array.h"
#include "index/internal/id_set.h"
#include "index/internal/name_pool.h"
#include "index/series_info.h"
#include "metric/glob.h"

namespace plumbago::index::internal {

class NameTree {
 public:
  static constexpr uint32_t kNone = NamePool::kNone;
  static constexpr uint32_t kRoot = 0;

  NameTree();
  NameTree(const NameTree&) = delete;
  NameTree& operator=(const NameTree&) = delete;

  // False where it is there already, or is not there: then nothing changes. Names in byte order are
  // added fastest, as each begins where it parts from the one before.
  bool Add(absl::string_view metric, const SeriesInfo& info = {});
  bool Remove(absl::string_view metric);
  bool Update(absl::string_view metric, const SeriesInfo& info);
  std::optional<SeriesInfo> Get(absl::string_view metric) const;
  bool Contains(absl::string_view metric) const;

  // For whoever walks the tree.
  absl::string_view NameOf(uint32_t node) const { return names_.Text(nodes_[node].name); }
  uint32_t NameIdOf(uint32_t node) const { return nodes_[node].name; }  // in names()
  bool IsLeaf(uint32_t node) const { return nodes_[node].is_leaf != 0; }
  bool IsBranch(uint32_t node) const { return nodes_[node].first_child != kNone; }
  uint32_t FirstChild(uint32_t node) const { return nodes_[node].first_child; }
  uint32_t NextSibling(uint32_t node) const { return nodes_[node].next_sibling; }
  uint32_t FindNode(absl::string_view path) const;  // kNone
  // By the number that names() has for the child's name. O(1) where the node has a table.
  bool HasTable(uint32_t node) const { return nodes_[node].has_table != 0; }
  uint32_t FindChild(uint32_t node, uint32_t name_id) const;
  const NamePool& names() const { return names_; }
  uint64_t removal_count() const { return removal_count_; }
  // In use, the root too.
  size_t node_count() const { return nodes_.size() - free_nodes_.size(); }

  // Of a leaf.
  SeriesInfo InfoOf(uint32_t node) const;
  // Of the node and what is below it: O(1), unless removals left the time of the last update
  // unknown; then it is looked for, until Settle has done so.
  Usage UsageOf(uint32_t node) const;
  bool IsSettled(uint32_t node) const { return nodes_[node].is_unsettled == 0; }
  void Settle(uint32_t node);

  uint64_t HashOf(uint32_t node) const {
    return HashOfChild(nodes_[node].parent, nodes_[node].name);
  }

 private:
  struct Node {
    Node() : name(0), is_leaf(0), has_table(0), is_unsettled(0) {}
    uint32_t name : 29;
    uint32_t is_leaf : 1;
    uint32_t has_table : 1;     // its children are in children_
    uint32_t is_unsettled : 1;  // the latest of its series may have gone: see Totals
    uint32_t parent = kNone;
    uint32_t first_child = kNone;
    uint32_t next_sibling = kNone;
    uint32_t previous_sibling = kNone;
  };
  static_assert(sizeof(Node) == 20);

  // Of the node and all below it. Of a leaf without children: its info.
  struct Totals {
    uint64_t file_bytes = 0;
    uint32_t series_count = 0;
    uint32_t last_update_unix_seconds = 0;  // an upper bound where the node is unsettled
  };
  static_assert(sizeof(Totals) == 16);

  static uint64_t HashOfChild(uint32_t parent, uint32_t name_id);

  uint32_t FindOrAddPath(absl::string_view metric);
  uint32_t FindOrAddChild(uint32_t parent, absl::string_view name);
  void Link(uint32_t parent, uint32_t node);
  void Unlink(uint32_t node);
  void BecomeLeafOnly(uint32_t node);
  void AddTotals(uint32_t leaf, const SeriesInfo& info);
  void SubtractTotals(uint32_t leaf, const SeriesInfo& info);
  bool HasOneUpdatedAt(uint32_t node, uint32_t unix_seconds) const;
  uint32_t LastUpdateOf(uint32_t node) const;

  NamePool names_;
  ChunkedArray<Node> nodes_;
  ChunkedArray<Totals> totals_;  // of the node with the same number
  std::vector<uint32_t> free_nodes_;
  IdSet<NameTree> children_;
  // Of the few leaves that are also branches.
  absl::flat_hash_map<uint32_t, SeriesInfo> branch_infos_;
  uint64_t removal_count_ = 0;

  // The name added last, and where each of its nodes ends in it.
  struct PathNode {
    size_t name_end;
    uint32_t node;
  };
  std::string last_metric_;
  std::vector<PathNode> last_path_;
};

// What a search of the tree asks and tells.
struct SearchCalls {
  // A node that matches and its path. False: too many, end.
  absl::FunctionRef<bool(uint32_t node, const std::string& path)> visit;
  // Called now and then, so that a long search can let others pass. False: the tree is not as it
  // was, so end.
  absl::FunctionRef<bool()> pause;
};
enum class SearchResult { kComplete, kTooMany, kInterrupted };

// Visits what `globs` (of the nodes of a pattern) match, each node once, in no particular order.
SearchResult SearchTree(const NameTree& tree, absl::Span<const metric::Glob> globs,
                        const SearchCalls& calls);

}  // namespace plumbago::index::internal
