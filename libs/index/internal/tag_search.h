// Finds the tagged series that match expressions.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "index/internal/tag_index.h"
#include "metric/tag_expression.h"

namespace plumbago::index::internal {

using metric::TagExpression;

// The expression that fewest series can match is looked up; these series are then held against all
// expressions. Each distinct value is matched once. So a search may be paused, and the index change
// meanwhile: what it then visits is true, though series that came since may be missed.
class TagSearch {
 public:
  // One of `expressions` at least does not match the empty value. Both must outlive the search.
  TagSearch(const TagIndex& index, absl::Span<const TagExpression> expressions);

  // Calls `visit` for each series that matches, in no order, until it returns false, and `pause`
  // now and then, in which others may change the index. A series with a tag twice, which no
  // canonical name has, may be visited twice.
  void Run(absl::FunctionRef<bool(uint32_t series)> visit, absl::FunctionRef<void()> pause);

 private:
  enum class Verdict : uint8_t { kOtherTag, kMatches, kMatchesNot };

  std::vector<uint32_t> PairsThatMatch(const TagExpression& expression) const;
  std::vector<uint32_t> Candidates() const;
  bool IsMatch(absl::Span<const uint32_t> pairs);
  bool IsMatch(size_t expression, absl::Span<const uint32_t> pairs);
  Verdict VerdictOf(size_t expression, uint32_t pair);

  const TagIndex& index_;
  const absl::Span<const TagExpression> expressions_;
  // What is known of pairs, for each expression.
  std::vector<absl::flat_hash_map<uint32_t, Verdict>> verdicts_;
};

}  // namespace plumbago::index::internal
