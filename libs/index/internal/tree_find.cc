// Find: one walk over the part of the tree that a pattern can match. A pattern without `**` is at
// one position per level; with it, at a set of positions, as in a non-deterministic automaton, so
// that no node is visited twice however many `**` there are.
#include <algorithm>
#include <string>

#include "absl/container/inlined_vector.h"
#include "index/internal/name_tree.h"

namespace plumbago::index::internal {
namespace {

// Indexes of the globs that the next node may match; globs.size(): the pattern is complete.
using Positions = absl::InlinedVector<uint32_t, 4>;

class Search {
 public:
  Search(const NameTree& tree, absl::Span<const metric::Glob> globs, size_t max_matches,
         std::vector<Node>& matches)
      : tree_(tree), globs_(globs), max_matches_(max_matches), matches_(matches) {}

  bool Run() {
    Positions start;
    Enter(0, start);
    return VisitChildren(NameTree::kRoot, start);
  }

 private:
  // `**` may also take no node at all.
  void Enter(uint32_t position, Positions& positions) const {
    for (;; ++position) {
      if (std::find(positions.begin(), positions.end(), position) != positions.end()) return;
      positions.push_back(position);
      if (position == globs_.size() || !globs_[position].is_globstar()) return;
    }
  }

  bool VisitChildren(uint32_t node, const Positions& positions) {
    if (positions.size() == 1 && globs_[positions[0]].is_exact()) {
      return VisitNamed(node, positions);
    }
    for (uint32_t child = tree_.FirstChild(node); child != NameTree::kNone;
         child = tree_.NextSibling(child)) {
      Positions next;
      for (const uint32_t position : positions) {
        if (!globs_[position].Matches(tree_.NameOf(child))) continue;
        Enter(globs_[position].is_globstar() ? position : position + 1, next);
      }
      if (!next.empty() && !Visit(child, next)) return false;
    }
    return true;
  }

  bool VisitNamed(uint32_t node, const Positions& positions) {
    Positions next;
    Enter(positions[0] + 1, next);
    for (const std::string& name : globs_[positions[0]].exact_names()) {
      const uint32_t child = tree_.FindChild(node, name);
      if (child != NameTree::kNone && !Visit(child, next)) return false;
    }
    return true;
  }

  bool Visit(uint32_t node, Positions positions) {
    const size_t parent_size = path_.size();
    if (parent_size > 0) path_.push_back('.');
    const absl::string_view name = tree_.NameOf(node);
    path_.append(name.data(), name.size());

    bool is_complete = true;
    const auto end = static_cast<uint32_t>(globs_.size());
    const auto matched = std::find(positions.begin(), positions.end(), end);
    if (matched != positions.end()) {
      positions.erase(matched);
      is_complete = Report(node);
    }
    if (is_complete && !positions.empty()) is_complete = VisitChildren(node, positions);
    path_.resize(parent_size);
    return is_complete;
  }

  bool Report(uint32_t node) {
    const size_t count = (tree_.IsBranch(node) ? 1u : 0u) + (tree_.IsLeaf(node) ? 1u : 0u);
    if (max_matches_ - matches_.size() < count) return false;
    if (tree_.IsBranch(node)) matches_.push_back({path_, false});
    if (tree_.IsLeaf(node)) matches_.push_back({path_, true});
    return true;
  }

  const NameTree& tree_;
  const absl::Span<const metric::Glob> globs_;
  const size_t max_matches_;
  std::vector<Node>& matches_;
  std::string path_;  // of the node that is visited
};

}  // namespace

bool FindInTree(const NameTree& tree, absl::Span<const metric::Glob> globs, size_t max_matches,
                std::vector<Node>& matches) {
  return Search(tree, globs, max_matches, matches).Run();
}

}  // namespace plumbago::index::internal
