// From a parsed target to its series.
//
// Evaluation asks for data by need: where a fetch is not in FetchedData yet it is noted and the
// evaluation goes on elsewhere, so one pass collects all fetches that can be known so far. The
// caller fetches them together and evaluates again. Most targets take two passes; a window counted
// in points needs the step of its series first and takes one more. Planning and evaluation thus
// cannot differ. One thread per Evaluate; no I/O.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "functions/call.h"
#include "functions/expression.h"
#include "functions/function_table.h"
#include "functions/shared_results.h"

namespace plumbago::functions {

// All series that match `pattern`, in `range`.
struct Fetch {
  std::string pattern;
  TimeRange range;
  bool operator==(const Fetch& other) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const Fetch& fetch) {
    return H::combine(std::move(state), fetch.pattern, fetch.range);
  }
};

// Series of fetches that were made, ordered by name. Series that match nothing are an empty list.
class FetchedData {
 public:
  void Add(Fetch fetch, SeriesList list) {
    lists_.insert_or_assign(std::move(fetch), std::move(list));
  }
  const SeriesList* Find(const Fetch& fetch) const {
    const auto entry = lists_.find(fetch);
    return entry == lists_.end() ? nullptr : &entry->second;
  }

 private:
  absl::flat_hash_map<Fetch, SeriesList> lists_;
};

struct Evaluated {
  SeriesList series;           // complete if `missing` is empty
  std::vector<Fetch> missing;  // distinct, in the order of need
};

// `expression` has passed CheckCalls with the same table. Errors: InvalidArgument,
// ResourceExhausted (a limit of the context), and those of context.check_alive. `shared`, if any,
// was made of the request's targets, `expression` among them.
absl::StatusOr<Evaluated> Evaluate(const FunctionTable& table, const EvaluationContext& context,
                                   const FetchedData& data, const Expression& expression,
                                   SharedResults* shared = nullptr);

}  // namespace plumbago::functions
