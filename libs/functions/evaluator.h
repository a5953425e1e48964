// From a parsed target to its series.
//
// Evaluation asks for data by need: where a fetch is not in FetchedData yet it is noted and the
// evaluation goes on elsewhere, so one pass collects all fetches that can be known so far. The
// caller fetches them together and evaluates again. Most targets take two passes; a window counted
// in points of computed series needs their step first and takes one more. Planning and evaluation
// thus cannot differ. One thread per Evaluate; no I/O.
//
// Functions that only read names of many series get those first (NeededData::names), and then ask
// for groups of them reduced (NeededData::reductions). Where that turns out impossible, the caller
// says so by FetchedData::RequireWhole, and all is as without.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "functions/call.h"
#include "functions/expression.h"
#include "functions/function_table.h"
#include "functions/normalize.h"
#include "functions/row_reducer.h"
#include "functions/shared_results.h"

namespace plumbago::functions {

// All series that match `pattern`, in `range`.
struct Fetch {
  std::string pattern;
  TimeRange range;
  // Not 0: from as many points before the range, of the step that the series have in it, which the
  // answer tells (FetchedData::AddLookback).
  int64_t lookback_points = 0;
  bool operator==(const Fetch& other) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const Fetch& fetch) {
    return H::combine(std::move(state), fetch.pattern, fetch.range, fetch.lookback_points);
  }
};

// `range` from as many points of `step` before it; nothing is before 1970.
TimeRange WithLookback(const TimeRange& range, int64_t points, int64_t step);

// One aggregation over series that all have the same range.
struct Reduction {
  using Key = std::pair<uint64_t, uint64_t>;

  Key key;  // of all the rest
  TimeRange range;
  Aggregation aggregation = Aggregation::kSum;  // a mergeable one
  SeriesList series;                            // names and path expressions; not empty
};

struct ReducedRows {
  Grid grid;                // of all its series
  size_t series_count = 0;  // those that could be read
  RowReducer rows;
};

// Series of fetches that were made, ordered by name. Series that match nothing are an empty list.
class FetchedData {
 public:
  void Add(Fetch fetch, SeriesList list) {
    lists_.insert_or_assign(std::move(fetch), std::move(list));
  }
  // What a fetch with lookback_points found: the greatest step that a series has in its range (0:
  // there is none), and the series, from as many points of that step before it. No series where
  // they differ in that step, or do not keep it further back: they are then fetched once more.
  void AddLookback(const Fetch& fetch, int64_t step, std::optional<SeriesList> list) {
    steps_.insert_or_assign(fetch, step);
    if (list.has_value()) Add(WholeOf(fetch, step), *std::move(list));
  }
  // The series without their values.
  void AddNames(Fetch fetch, SeriesList list) {
    names_.insert_or_assign(std::move(fetch), std::move(list));
  }
  void AddReduced(const Reduction::Key& key, ReducedRows rows) {
    reduced_.insert_or_assign(key, std::move(rows));
  }
  // The values of these series are needed in any case.
  void RequireWhole(const Fetch& fetch) { whole_.insert(fetch); }

  // Null where they are not there: of a fetch with lookback_points also where it told a step only.
  const SeriesList* Find(const Fetch& fetch) const {
    if (fetch.lookback_points > 0) {
      const auto step = FindStep(fetch);
      return step.has_value() ? Find(WholeOf(fetch, *step)) : nullptr;
    }
    const auto entry = lists_.find(fetch);
    return entry == lists_.end() ? nullptr : &entry->second;
  }
  // Of a fetch with lookback_points, as AddLookback had it.
  std::optional<int64_t> FindStep(const Fetch& fetch) const {
    const auto entry = steps_.find(fetch);
    return entry == steps_.end() ? std::nullopt : std::optional<int64_t>(entry->second);
  }
  const SeriesList* FindNames(const Fetch& fetch) const {
    const auto entry = names_.find(fetch);
    return entry == names_.end() ? nullptr : &entry->second;
  }
  const ReducedRows* FindReduced(const Reduction::Key& key) const {
    const auto entry = reduced_.find(key);
    return entry == reduced_.end() ? nullptr : &entry->second;
  }
  // Whether the values of these series are there, or will have to be.
  bool IsWhole(const Fetch& fetch) const {
    return lists_.contains(fetch) || whole_.contains(fetch);
  }

 private:
  static Fetch WholeOf(const Fetch& fetch, int64_t step) {
    return {fetch.pattern, WithLookback(fetch.range, fetch.lookback_points, step)};
  }

  absl::flat_hash_map<Fetch, SeriesList> lists_;
  absl::flat_hash_map<Fetch, int64_t> steps_;  // of those that look back
  absl::flat_hash_map<Fetch, SeriesList> names_;
  absl::flat_hash_map<Reduction::Key, ReducedRows> reduced_;
  absl::flat_hash_set<Fetch> whole_;
};

// Each distinct, in the order of need.
struct NeededData {
  std::vector<Fetch> fetches;
  std::vector<Fetch> names;
  std::vector<Reduction> reductions;
  bool empty() const { return fetches.empty() && names.empty() && reductions.empty(); }
};

struct Evaluated {
  SeriesList series;  // complete if `missing` is empty
  NeededData missing;
};

// `expression` has passed CheckCalls with the same table. Errors: InvalidArgument,
// ResourceExhausted (a limit of the context), and those of context.check_alive. `shared`, if any,
// was made of the request's targets, `expression` among them.
absl::StatusOr<Evaluated> Evaluate(const FunctionTable& table, const EvaluationContext& context,
                                   const FetchedData& data, const Expression& expression,
                                   SharedResults* shared = nullptr);

}  // namespace plumbago::functions
