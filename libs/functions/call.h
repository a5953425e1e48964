// What a function sees of the call it implements: checked arguments, series, and the request.
//
// Arguments are named as in the definition; asking for a name or type that the definition does not
// have is a broken invariant. One thread per call.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "functions/definition.h"
#include "functions/series.h"

namespace plumbago::functions {

// What all calls of one request share.
struct EvaluationContext {
  TimeRange range;
  int64_t now = 0;
  absl::TimeZone zone = absl::UTCTimeZone();
  std::optional<double> x_files_factor = {};  // of the request

  // Bounds on what a target may cost; their flags are named in messages.
  int64_t points_max = 50'000'000;  // created by functions
  std::string points_max_name = "--points-per-query-max";
  int calls_max = 10'000;  // evaluated, arguments in several windows count several times
  // Calls that read only names, over patterns that match at least as many series, ask for
  // reductions; by default none do.
  size_t reduced_series_min = std::numeric_limits<size_t>::max();
  // Asked between calls: an error (cancelled, deadline) ends the evaluation.
  std::function<absl::Status()> check_alive = [] { return absl::OkStatus(); };
};

// The literal arguments of a call; one entry a parameter of the definition.
class Arguments {
 public:
  Arguments(const FunctionDefinition& definition, std::vector<std::vector<Value>> values)
      : definition_(&definition), values_(std::move(values)) {}

  const FunctionDefinition& definition() const { return *definition_; }
  bool IsGiven(absl::string_view name) const;  // or has a default
  bool Boolean(absl::string_view name) const;
  int64_t Integer(absl::string_view name) const;
  double Float(absl::string_view name) const;
  std::optional<double> OptionalFloat(absl::string_view name) const;
  const std::string& String(absl::string_view name) const;
  const Value& Get(absl::string_view name) const;
  const std::vector<Value>& Repeated(absl::string_view name) const;

 private:
  const FunctionDefinition* definition_;
  std::vector<std::vector<Value>> values_;
};

// What FunctionDefinition::windows may ask.
class WindowQuestion {
 public:
  virtual ~WindowQuestion() = default;
  virtual const Arguments& arguments() const = 0;
  virtual const TimeRange& range() const = 0;
  virtual const EvaluationContext& context() const = 0;
  // The largest step of the first parameter's series in the call's own range; 0 where it has none.
  // Fetches or evaluates them: ask only if the answer needs it. The window will be that of `points`
  // points of this step before the range, not 0: they may be fetched at once.
  virtual absl::StatusOr<int64_t> StepMax(int64_t points) = 0;
};

class Call {
 public:
  virtual ~Call() = default;
  virtual const Arguments& arguments() const = 0;
  virtual const TimeRange& range() const = 0;
  virtual const EvaluationContext& context() const = 0;

  // Series of the first parameter, all lists of a repeated one together, in the i-th of the
  // definition's windows. They are the call's own: change and move them.
  virtual SeriesList& series(size_t window = 0) = 0;
  virtual const TimeRange& window(size_t index) const = 0;
  virtual size_t window_count() const = 0;

  // Series of the parameter `name`, in the call's own range (the first one: in the first window).
  virtual SeriesList& SeriesOf(absl::string_view name) = 0;

  // Whether the call has series for the parameter `name`, be it ones that match nothing.
  virtual bool IsWritten(absl::string_view name) const = 0;

  // The call as it is written in the target.
  virtual const std::string& source() const = 0;

  // Series of the aggregating function `name`, or of the aggregation of that name, over `list`.
  virtual absl::StatusOr<SeriesList> Aggregated(absl::string_view name, SeriesList list) = 0;

  // AggregateSeries of `list`, all or some of the call's own series. Where these have no values
  // (FunctionDefinition::reads) it is what shards have reduced, or stands for what is to be asked.
  // Empty where no series of a list that is not empty could be read.
  virtual absl::StatusOr<SeriesList> Reduced(absl::string_view word, SeriesList list,
                                             std::optional<double> x_files_factor) = 0;

  // Series of the function `name` whose first parameters are `lists` and the others left out.
  // InvalidArgument where that is no call, or one that needs data of another range.
  virtual absl::StatusOr<SeriesList> Applied(absl::string_view name,
                                             std::vector<SeriesList> lists) = 0;

  // Series of a target that the function made up, in the call's own range. Empty while data is
  // still to be fetched: then everything is evaluated again.
  virtual absl::StatusOr<SeriesList> EvaluatedTarget(const std::string& target) = 0;

  // Series that match a path or a seriesByTag() expression. Empty while still to be fetched.
  virtual SeriesList Fetched(const std::string& pattern) = 0;

  // The share of values that functions evaluated after this one ask for.
  virtual void SetXFilesFactor(double share) = 0;

  // Accounts for points that are created beyond those given. ResourceExhausted above the limit.
  virtual absl::Status ChargePoints(int64_t count) = 0;
};

}  // namespace plumbago::functions
