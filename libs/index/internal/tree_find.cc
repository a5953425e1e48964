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

// A search of tens of millions of nodes takes seconds: others may pass in between.
constexpr size_t kVisitsBetweenPauses = 1 << 16;

class Search {
 public:
  Search(const NameTree& tree, absl::Span<const metric::Glob> globs, const SearchCalls& calls)
      : tree_(tree), globs_(globs), calls_(calls), exact_ids_(globs.size()) {
    for (size_t i = 0; i < globs.size(); ++i) {
      if (!globs[i].is_exact()) continue;
      for (const std::string& name : globs[i].exact_names()) {
        const uint32_t id = tree.names().Find(name);
        if (id != NameTree::kNone) exact_ids_[i].push_back(id);
      }
    }
  }

  SearchResult Run() {
    Positions start;
    Enter(0, start);
    VisitChildren(NameTree::kRoot, start);
    return result_;
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

  bool is_going_on() const { return result_ == SearchResult::kComplete; }

  void VisitChildren(uint32_t node, const Positions& positions) {
    if (positions.size() == 1 && !globs_[positions[0]].is_globstar()) {
      const bool is_exact = globs_[positions[0]].is_exact();
      return is_exact ? VisitNamed(node, positions[0]) : VisitMatching(node, positions[0]);
    }
    for (uint32_t child = tree_.FirstChild(node); child != NameTree::kNone && is_going_on();
         child = tree_.NextSibling(child)) {
      if (!CountVisit()) return;
      Positions next;
      for (const uint32_t position : positions) {
        if (!globs_[position].Matches(tree_.NameOf(child))) continue;
        Enter(globs_[position].is_globstar() ? position : position + 1, next);
      }
      if (!next.empty()) Visit(child, next);
    }
  }

  void VisitNamed(uint32_t node, uint32_t position) {
    Positions next;
    Enter(position + 1, next);
    for (const uint32_t name_id : exact_ids_[position]) {
      if (!is_going_on() || !CountVisit()) return;
      const uint32_t child = tree_.FindChild(node, name_id);
      if (child != NameTree::kNone) Visit(child, next);
    }
  }

  // The usual case, in which most children of large branches do not match.
  void VisitMatching(uint32_t node, uint32_t position) {
    const metric::Glob& glob = globs_[position];
    Positions next;
    Enter(position + 1, next);
    for (uint32_t child = tree_.FirstChild(node); child != NameTree::kNone && is_going_on();
         child = tree_.NextSibling(child)) {
      if (!CountVisit()) return;
      if (glob.Matches(tree_.NameOf(child))) Visit(child, next);
    }
  }

  bool CountVisit() {
    if (++visit_count_ % kVisitsBetweenPauses != 0 || calls_.pause()) return true;
    result_ = SearchResult::kInterrupted;
    return false;
  }

  void Visit(uint32_t node, Positions positions) {
    const size_t parent_size = path_.size();
    if (parent_size > 0) path_.push_back('.');
    const absl::string_view name = tree_.NameOf(node);
    path_.append(name.data(), name.size());

    const auto end = static_cast<uint32_t>(globs_.size());
    const auto matched = std::find(positions.begin(), positions.end(), end);
    if (matched != positions.end()) {
      positions.erase(matched);
      if (!calls_.visit(node, path_)) result_ = SearchResult::kTooMany;
    }
    if (is_going_on() && !positions.empty()) VisitChildren(node, positions);
    path_.resize(parent_size);
  }

  const NameTree& tree_;
  const absl::Span<const metric::Glob> globs_;
  const SearchCalls& calls_;
  std::vector<std::vector<uint32_t>> exact_ids_;  // of the exact names of each glob
  std::string path_;                              // of the node that is visited
  size_t visit_count_ = 0;
  SearchResult result_ = SearchResult::kComplete;
};

}  // namespace

SearchResult SearchTree(const NameTree& tree, absl::Span<const metric::Glob> globs,
                        const SearchCalls& calls) {
  return Search(tree, globs, calls).Run();
}

}  // namespace plumbago::index::internal
