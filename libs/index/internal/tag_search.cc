#include "index/internal/tag_search.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

namespace plumbago::index::internal {
namespace {

// A search of millions of series takes seconds: others may pass in between.
constexpr size_t kSeriesBetweenPauses = 1 << 15;

}  // namespace

TagSearch::TagSearch(const TagIndex& index, absl::Span<const TagExpression> expressions)
    : index_(index), expressions_(expressions), verdicts_(expressions.size()) {}

void TagSearch::Run(absl::FunctionRef<bool(uint32_t series)> visit,
                    absl::FunctionRef<void()> pause) {
  const std::vector<uint32_t> candidates = Candidates();
  uint64_t removal_count = index_.pairs().removal_count();
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (i % kSeriesBetweenPauses == kSeriesBetweenPauses - 1) {
      pause();
      // A number may stand for another pair now.
      if (std::exchange(removal_count, index_.pairs().removal_count()) != removal_count) {
        for (auto& verdicts : verdicts_) verdicts.clear();
      }
    }
    const absl::Span<const uint32_t> pairs = index_.PairsOf(candidates[i]);
    if (!pairs.empty() && IsMatch(pairs) && !visit(candidates[i])) return;
  }
}

std::vector<uint32_t> TagSearch::Candidates() const {
  // Exact expressions cost nothing to count. Others need their values matched, which pays only
  // where there is no exact one.
  const bool has_exact = std::any_of(expressions_.begin(), expressions_.end(),
                                     [](const auto& expression) { return expression.is_exact(); });
  std::vector<uint32_t> fewest;
  uint64_t fewest_count = UINT64_MAX;
  for (const TagExpression& expression : expressions_) {
    if (expression.matches_empty() || (has_exact && !expression.is_exact())) continue;
    std::vector<uint32_t> pairs = PairsThatMatch(expression);
    uint64_t count = 0;
    for (const uint32_t pair : pairs) count += index_.pairs().SeriesCountOf(pair);
    if (count >= fewest_count) continue;
    fewest = std::move(pairs);
    fewest_count = count;
  }
  std::vector<uint32_t> candidates;
  for (const uint32_t pair : fewest) {
    const std::vector<uint32_t>& postings = index_.pairs().PostingsOf(pair);
    candidates.insert(candidates.end(), postings.begin(), postings.end());
  }
  return candidates;
}

std::vector<uint32_t> TagSearch::PairsThatMatch(const TagExpression& expression) const {
  const TagPairs& pairs = index_.pairs();
  if (expression.is_exact()) {
    const uint32_t pair = pairs.Find(expression.tag(), expression.value());
    return pair == TagPairs::kNone ? std::vector<uint32_t>() : std::vector<uint32_t>{pair};
  }
  std::vector<uint32_t> matches;
  const TagPairs::Tag* tag = pairs.FindTag(expression.tag());
  if (tag == nullptr) return matches;
  const std::string& prefix = expression.value_prefix();
  for (auto pair = tag->pairs.lower_bound(prefix); pair != tag->pairs.end(); ++pair) {
    const absl::string_view value = pairs.ValueOf(*pair);
    if (!absl::StartsWith(value, prefix)) break;
    if (expression.Matches(value)) matches.push_back(*pair);
  }
  return matches;
}

bool TagSearch::IsMatch(absl::Span<const uint32_t> pairs) {
  for (size_t i = 0; i < expressions_.size(); ++i) {
    if (!IsMatch(i, pairs)) return false;
  }
  return true;
}

bool TagSearch::IsMatch(size_t expression, absl::Span<const uint32_t> pairs) {
  for (const uint32_t pair : pairs) {
    const Verdict verdict = VerdictOf(expression, pair);
    if (verdict != Verdict::kOtherTag) return verdict == Verdict::kMatches;
  }
  return expressions_[expression].matches_empty();
}

TagSearch::Verdict TagSearch::VerdictOf(size_t expression, uint32_t pair) {
  const auto [known, is_new] = verdicts_[expression].try_emplace(pair, Verdict::kOtherTag);
  if (!is_new || index_.pairs().TagOf(pair) != expressions_[expression].tag()) return known->second;
  const bool is_match = expressions_[expression].Matches(index_.pairs().ValueOf(pair));
  return known->second = is_match ? Verdict::kMatches : Verdict::kMatchesNot;
}

}  // namespace plumbago::index::internal
