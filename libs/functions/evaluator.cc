#include "functions/evaluator.h"

#include <algorithm>
#include <iterator>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/binding.h"
#include "functions/normalize.h"

namespace plumbago::functions {
namespace {

class Evaluation {
 public:
  Evaluation(const FunctionTable& table, const EvaluationContext& context, const FetchedData& data)
      : table_(table), context_(context), data_(data) {}

  absl::StatusOr<Evaluated> Run(const Expression& expression) {
    absl::StatusOr<SeriesList> series = EvaluateIn(context_.range, expression);
    // An error may be due to data that is still to come: then it will show again.
    if (!missing_.empty()) return Evaluated{{}, std::move(missing_)};
    PLUMBAGO_RETURN_IF_ERROR(series.status());
    return Evaluated{*std::move(series), {}};
  }

 private:
  class BoundCall;
  class Question;

  absl::StatusOr<SeriesList> EvaluateIn(const TimeRange& range, const Expression& expression) {
    if (expression.kind == Expression::Kind::kPath) return Fetched(range, expression.text);
    PLUMBAGO_RETURN_IF_ERROR(context_.check_alive());
    if (++call_count_ > context_.calls_max) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the target evaluates more than ", context_.calls_max,
          " function calls; nest fewer functions that need data of other time ranges"));
    }
    PLUMBAGO_ASSIGN_OR_RETURN(Binding binding, Bind(table_, expression));
    return EvaluateCall(range, binding);
  }

  SeriesList Fetched(const TimeRange& range, const std::string& pattern) {
    Fetch fetch{pattern, range};
    if (const SeriesList* list = data_.Find(fetch)) return *list;
    ++pending_count_;
    if (seen_.insert(fetch).second) missing_.push_back(std::move(fetch));
    return {};
  }

  absl::StatusOr<SeriesList> EvaluateCall(const TimeRange& range, Binding& binding);

  // The series of one parameter, its lists one behind the other.
  absl::StatusOr<SeriesList> EvaluateParameter(const TimeRange& range,
                                               const std::vector<const Expression*>& expressions) {
    SeriesList all;
    for (const Expression* expression : expressions) {
      PLUMBAGO_ASSIGN_OR_RETURN(SeriesList list, EvaluateIn(range, *expression));
      if (all.empty()) {
        all = std::move(list);
      } else {
        all.insert(all.end(), std::make_move_iterator(list.begin()),
                   std::make_move_iterator(list.end()));
      }
    }
    return all;
  }

  const FunctionTable& table_;
  const EvaluationContext& context_;
  const FetchedData& data_;
  std::vector<Fetch> missing_;
  absl::flat_hash_set<Fetch> seen_;  // those in missing_
  int pending_count_ = 0;            // look-ups without data, repeated ones too
  int call_count_ = 0;
  int64_t point_count_ = 0;  // created by functions
};

class Evaluation::Question final : public WindowQuestion {
 public:
  Question(Evaluation& evaluation, const TimeRange& range, const Binding& binding)
      : evaluation_(evaluation), range_(range), binding_(binding) {}

  const Arguments& arguments() const override { return binding_.arguments; }
  const TimeRange& range() const override { return range_; }
  const EvaluationContext& context() const override { return evaluation_.context_; }
  absl::StatusOr<int64_t> StepMax() override {
    PLUMBAGO_ASSIGN_OR_RETURN(const SeriesList list,
                              evaluation_.EvaluateParameter(range_, binding_.series[0]));
    int64_t step = 0;
    for (const Series& series : list) step = std::max(step, series.step);
    return step;
  }

 private:
  Evaluation& evaluation_;
  const TimeRange& range_;
  const Binding& binding_;
};

class Evaluation::BoundCall final : public Call {
 public:
  // One list a window.
  BoundCall(Evaluation& evaluation, const TimeRange& range, const Arguments& arguments,
            std::vector<TimeRange> windows, std::vector<SeriesList> lists)
      : evaluation_(evaluation),
        range_(range),
        arguments_(arguments),
        windows_(std::move(windows)),
        lists_(std::move(lists)) {}

  const Arguments& arguments() const override { return arguments_; }
  const TimeRange& range() const override { return range_; }
  const EvaluationContext& context() const override { return evaluation_.context_; }
  SeriesList& series(size_t window) override { return lists_[window]; }
  const TimeRange& window(size_t index) const override { return windows_[index]; }

  absl::StatusOr<SeriesList> Aggregated(absl::string_view name, SeriesList list) override {
    const FunctionDefinition* function = evaluation_.table_.Find(name);
    if (function == nullptr || !function->is_aggregator) {
      return AggregateSeries(name, std::move(list), context().x_files_factor);
    }
    std::vector<SeriesList> lists;
    lists.push_back(std::move(list));
    const Arguments none(*function, {});
    BoundCall call(evaluation_, range_, none, {range_}, std::move(lists));
    return function->evaluate(call);
  }

  absl::Status ChargePoints(int64_t count) override {
    int64_t& total = evaluation_.point_count_;
    if (count > context().points_max - total) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the target creates more than ", context().points_max,
                       " points (--points-per-query-max); ask for a shorter time range, fewer "
                       "series or a longer interval"));
    }
    total += count;
    return absl::OkStatus();
  }

 private:
  Evaluation& evaluation_;
  const TimeRange& range_;
  const Arguments& arguments_;
  const std::vector<TimeRange> windows_;
  std::vector<SeriesList> lists_;
};

absl::StatusOr<SeriesList> Evaluation::EvaluateCall(const TimeRange& range, Binding& binding) {
  const FunctionDefinition& definition = binding.arguments.definition();
  const int pending_before = pending_count_;
  std::vector<TimeRange> windows = {range};
  if (definition.windows != nullptr) {
    Question question(*this, range, binding);
    PLUMBAGO_ASSIGN_OR_RETURN(windows, definition.windows(question));
    if (pending_count_ > pending_before) return SeriesList{};
  }
  std::vector<SeriesList> lists;
  const bool takes_series = !binding.series.empty() && !binding.series[0].empty();
  for (const TimeRange& window : windows) {
    lists.emplace_back();
    if (!takes_series) continue;
    PLUMBAGO_ASSIGN_OR_RETURN(lists.back(), EvaluateParameter(window, binding.series[0]));
  }
  if (pending_count_ > pending_before) return SeriesList{};
  BoundCall call(*this, range, binding.arguments, std::move(windows), std::move(lists));
  return definition.evaluate(call);
}

}  // namespace

absl::StatusOr<Evaluated> Evaluate(const FunctionTable& table, const EvaluationContext& context,
                                   const FetchedData& data, const Expression& expression) {
  return Evaluation(table, context, data).Run(expression);
}

}  // namespace plumbago::functions
