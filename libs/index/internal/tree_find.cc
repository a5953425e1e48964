// Find: one walk over the part of the tree that a pattern can match. A pattern without `**` is at
// one position per level; with it, at a set of positions, as in a non-deterministic automaton, so
// that no node is visited twice however many `**` there are. Names are kept once for the whole
// tree: where many children have been compared with a glob, its matches among the names are found
// once, and then looked up instead.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "index/internal/name_tree.h"

namespace plumbago::index::internal {
namespace {

// Indexes of the globs that the next node may match; globs.size(): the pattern is complete.
using Positions = absl::InlinedVector<uint32_t, 4>;

// A search of tens of millions of nodes takes seconds: others may pass in between.
constexpr size_t kVisitsBetweenPauses = 1 << 16;

// What one glob matches among all names, from when it is worth to know that.
class NameMatches {
 public:
  // Of the names there are now; false where `go_on()` is. Whoever asks knows of no removals since.
  template <typename GoOn>
  bool Find(const NamePool& names, const metric::Glob& glob, const GoOn& go_on) {
    is_match_.assign(names.id_end(), false);
    for (uint32_t id = 0; id < is_match_.size(); ++id) {
      if (!go_on()) return false;
      if (!names.IsInUse(id) || !glob.Matches(names.Text(id))) continue;
      is_match_[id] = true;
      ids_.push_back(id);
    }
    return true;
  }

  // Every comparison may so have cost twice, at most.
  bool IsWorthwhile(const NamePool& names) const { return compared_count_ >= names.id_end(); }
  bool is_known() const { return !is_match_.empty(); }
  const std::vector<uint32_t>& ids() const { return ids_; }
  // Whether fewer names match than nodes have children, by far.
  bool AreFew() const {
    return ids_.size() * kComparisonsPerLookup * parent_count_ < compared_count_;
  }

  bool Matches(const NameTree& tree, const metric::Glob& glob, uint32_t node) {
    ++compared_count_;
    const uint32_t id = tree.NameIdOf(node);
    // Names that came meanwhile are compared, or missed where they have the number of an old one.
    return id < is_match_.size() ? is_match_[id] : glob.Matches(tree.NameOf(node));
  }
  void CountParent() { ++parent_count_; }

 private:
  static constexpr size_t kComparisonsPerLookup = 4;

  size_t compared_count_ = 0;   // children
  size_t parent_count_ = 0;     // whose children these are
  std::vector<bool> is_match_;  // by number
  std::vector<uint32_t> ids_;   // of those that match
};

class Search {
 public:
  Search(const NameTree& tree, absl::Span<const metric::Glob> globs, const SearchCalls& calls)
      : tree_(tree),
        globs_(globs),
        calls_(calls),
        exact_ids_(globs.size()),
        matches_(globs.size()) {
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
    VisitNames(node, exact_ids_[position], next);
  }

  void VisitNames(uint32_t node, const std::vector<uint32_t>& name_ids, const Positions& next) {
    for (const uint32_t name_id : name_ids) {
      if (!is_going_on() || !CountVisit()) return;
      const uint32_t child = tree_.FindChild(node, name_id);
      if (child != NameTree::kNone) Visit(child, next);
    }
  }

  // The usual case, in which most children of large branches do not match.
  void VisitMatching(uint32_t node, uint32_t position) {
    const metric::Glob& glob = globs_[position];
    NameMatches& matches = matches_[position];
    if (!matches.is_known() && matches.IsWorthwhile(tree_.names()) &&
        !matches.Find(tree_.names(), glob, [this] { return CountVisit(); })) {
      return;
    }
    Positions next;
    Enter(position + 1, next);
    if (matches.is_known() && matches.AreFew() && tree_.HasTable(node)) {
      return VisitNames(node, matches.ids(), next);
    }
    matches.CountParent();
    for (uint32_t child = tree_.FirstChild(node); child != NameTree::kNone && is_going_on();
         child = tree_.NextSibling(child)) {
      if (!CountVisit()) return;
      if (matches.Matches(tree_, glob, child)) Visit(child, next);
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
  std::vector<NameMatches> matches_;              // of each glob that is not exact
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
