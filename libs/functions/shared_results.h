// Results of calls that are written more than once in the targets of one request, so that each is
// evaluated once.
//
// Calls are equal if they are equal as trees: blanks, quotes and the place do not matter. A result
// also depends on the time range and on what setXFilesFactor has set by then. One thread; the
// targets must outlive it and stay where they are.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "functions/definition.h"
#include "functions/expression.h"
#include "functions/series.h"

namespace plumbago::functions {

class SharedResults {
 public:
  explicit SharedResults(absl::Span<const Expression* const> targets);

  // What a call is evaluated in, beside its text.
  struct Circumstances {
    TimeRange range;
    std::optional<double> x_files_factor;  // of the request, or as set
    std::optional<double> set_share;
    bool operator==(const Circumstances& other) const = default;
  };

  // Null where the call is written once only, or has not been evaluated yet.
  const SeriesList* Find(const Expression& call, const Circumstances& circumstances);
  // Keeps the result if the call is written more than once.
  void Add(const Expression& call, const Circumstances& circumstances, const SeriesList& list);

  uint64_t hit_count() const { return hit_count_; }

 private:
  using TreeHash = std::pair<uint64_t, uint64_t>;
  struct Key {
    TreeHash tree;
    Circumstances circumstances;
    bool operator==(const Key& other) const = default;
    template <typename H>
    friend H AbslHashValue(H state, const Key& key) {
      return H::combine(std::move(state), key.tree, key.circumstances.range,
                        key.circumstances.x_files_factor, key.circumstances.set_share);
    }
  };
  struct Counted {
    TreeHash hash;
    bool is_pure = true;  // its evaluation changes nothing that others see
  };

  Counted Count(const Expression& expression);
  // The hash of a call that occurs more than once; null for others.
  const TreeHash* Repeated(const Expression& call) const;

  absl::flat_hash_map<const Expression*, TreeHash> hashes_;  // of pure calls
  absl::flat_hash_map<TreeHash, int> counts_;
  absl::flat_hash_map<Key, SeriesList> results_;
  uint64_t hit_count_ = 0;
};

}  // namespace plumbago::functions
