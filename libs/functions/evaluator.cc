#include "functions/evaluator.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/binding.h"
#include "functions/normalize.h"
#include "functions/parser.h"

namespace plumbago::functions {
namespace {

constexpr int64_t kTimeMax = int64_t{1} << 32;
constexpr int kTextDepthMax = 8;

Reduction::Key KeyOf(const TimeRange& range, Aggregation aggregation, const SeriesList& list) {
  std::string bytes =
      absl::StrCat(range.from, " ", range.until, " ", static_cast<int>(aggregation));
  for (const Series& series : list) {
    absl::StrAppend(&bytes, " ", series.path_expression.size(), ":", series.path_expression, " ",
                    series.name.size(), ":", series.name);
  }
  const base::Hash128Value hash = base::Hash128(bytes, /*seed=*/0);
  return {hash.low, hash.high};
}

class Evaluation {
 public:
  Evaluation(const FunctionTable& table, const EvaluationContext& context, const FetchedData& data,
             SharedResults* shared)
      : table_(table), context_(context), data_(data), shared_(shared) {}

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
    const SharedResults::Circumstances here{range, context_.x_files_factor, set_share_};
    if (shared_ != nullptr) {
      if (const SeriesList* list = shared_->Find(expression, here)) return *list;
    }
    PLUMBAGO_ASSIGN_OR_RETURN(Binding binding, Bind(table_, expression));
    const int pending_before = pending_count_;
    PLUMBAGO_ASSIGN_OR_RETURN(SeriesList list, EvaluateCall(range, binding, expression.source));
    const bool is_complete = pending_count_ == pending_before;
    if (shared_ != nullptr && is_complete) shared_->Add(expression, here, list);
    return list;
  }

  SeriesList Fetched(const TimeRange& range, const std::string& pattern) {
    Fetch fetch{pattern, range};
    if (is_reducing_) return Names(std::move(fetch));
    if (const SeriesList* found = data_.Find(fetch)) {
      SeriesList list = *found;
      for (Series& series : list)
        series.x_files_factor = set_share_.value_or(series.x_files_factor);
      return list;
    }
    Need(std::move(fetch));
    return {};
  }

  void Need(Fetch fetch) {
    ++pending_count_;
    if (seen_.insert(fetch).second) missing_.fetches.push_back(std::move(fetch));
  }

  // The series without values.
  SeriesList Names(Fetch fetch) {
    if (const SeriesList* found = data_.FindNames(fetch)) return *found;
    ++pending_count_;
    if (seen_names_.insert(fetch).second) missing_.names.push_back(std::move(fetch));
    return {};
  }

  bool MayReduce(const TimeRange& range, const Binding& binding);
  absl::StatusOr<SeriesList> Reduced(const TimeRange& range, absl::string_view word,
                                     SeriesList list, std::optional<double> x_files_factor);
  // Instead of series without values.
  void NeedWhole(const TimeRange& range, const SeriesList& list) {
    for (const Series& series : list) Need({series.path_expression, range});
  }

  absl::StatusOr<SeriesList> EvaluateCall(const TimeRange& range, Binding& binding,
                                          const std::string& source);
  absl::StatusOr<SeriesList> EvaluateBound(const TimeRange& range, Binding& binding,
                                           const std::string& source);
  absl::StatusOr<SeriesList> EvaluateText(const TimeRange& range, const std::string& target);

  // Whether the series come straight from shards, and are not there yet in `range`.
  bool AreToFetch(const TimeRange& range, const std::vector<const Expression*>& expressions) const {
    return std::all_of(expressions.begin(), expressions.end(), [&](const auto* e) {
      return e->kind == Expression::Kind::kPath && !data_.IsWhole({e->text, range});
    });
  }

  // The greatest step of series straight from shards, that tell it together with what a window of
  // `points` points before `range` needs. 0 where there are none, or where it is not known yet.
  int64_t StepBefore(const TimeRange& range, int64_t points,
                     const std::vector<const Expression*>& expressions) {
    int64_t step_max = 0;
    for (const Expression* expression : expressions) {
      Fetch fetch{expression->text, range, points};
      const std::optional<int64_t> step = data_.FindStep(fetch);
      step_max = std::max(step_max, step.value_or(0));
      if (!step.has_value()) Need(std::move(fetch));
    }
    return step_max;
  }

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
  EvaluationContext context_;  // its own: setXFilesFactor changes it
  const FetchedData& data_;
  SharedResults* const shared_;  // may be null
  NeededData missing_;
  absl::flat_hash_set<Fetch> seen_;        // those in missing_
  absl::flat_hash_set<Fetch> seen_names_;  // likewise
  absl::flat_hash_set<Reduction::Key> seen_reductions_;
  bool is_reducing_ = false;  // series have no values
  int pending_count_ = 0;     // look-ups without data, repeated ones too
  int call_count_ = 0;
  int text_depth_ = 0;
  std::optional<double> set_share_;  // by setXFilesFactor, for what is read after it
  int64_t point_count_ = 0;          // created by functions
};

class Evaluation::Question final : public WindowQuestion {
 public:
  Question(Evaluation& evaluation, const TimeRange& range, const Binding& binding)
      : evaluation_(evaluation), range_(range), binding_(binding) {}

  const Arguments& arguments() const override { return binding_.arguments; }
  const TimeRange& range() const override { return range_; }
  const EvaluationContext& context() const override { return evaluation_.context_; }
  absl::StatusOr<int64_t> StepMax(int64_t points) override {
    const std::vector<const Expression*>& expressions = binding_.series[0];
    if (evaluation_.AreToFetch(range_, expressions)) {
      return evaluation_.StepBefore(range_, points, expressions);
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const SeriesList list,
                              evaluation_.EvaluateParameter(range_, expressions));
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
  using Lists = std::vector<SeriesList>;

  // `first`: series of the first parameter, one list a window. `others`: one list a parameter, that
  // of the first one being empty.
  BoundCall(Evaluation& evaluation, const TimeRange& range, const Arguments& arguments,
            std::vector<TimeRange> windows, Lists first, Lists others, std::vector<bool> is_written)
      : evaluation_(evaluation),
        range_(range),
        arguments_(arguments),
        windows_(std::move(windows)),
        first_(std::move(first)),
        others_(std::move(others)),
        is_written_(std::move(is_written)) {}

  const Arguments& arguments() const override { return arguments_; }
  const TimeRange& range() const override { return range_; }
  const EvaluationContext& context() const override { return evaluation_.context_; }
  SeriesList& series(size_t window) override { return first_[window]; }
  const TimeRange& window(size_t index) const override { return windows_[index]; }
  size_t window_count() const override { return windows_.size(); }

  SeriesList& SeriesOf(absl::string_view name) override {
    const size_t index = IndexOf(name);
    return index == 0 ? first_[0] : others_[index];
  }
  bool IsWritten(absl::string_view name) const override { return is_written_[IndexOf(name)]; }

  const std::string& source() const override { return source_; }
  void set_source(const std::string& source) { source_ = source; }

  absl::StatusOr<SeriesList> Aggregated(absl::string_view name, SeriesList list) override {
    const FunctionDefinition* function = evaluation_.table_.Find(name);
    if (function == nullptr || !function->is_aggregator) {
      return Reduced(name, std::move(list), context().x_files_factor);
    }
    if (evaluation_.is_reducing_ && function->reads == FunctionDefinition::Reads::kValues) {
      evaluation_.NeedWhole(range_, list);
      return SeriesList{};
    }
    Lists lists;
    lists.push_back(std::move(list));
    return Applied(name, std::move(lists));
  }

  absl::StatusOr<SeriesList> Applied(absl::string_view name, Lists lists) override;

  absl::StatusOr<SeriesList> Reduced(absl::string_view word, SeriesList list,
                                     std::optional<double> x_files_factor) override {
    return evaluation_.Reduced(range_, word, std::move(list), x_files_factor);
  }

  absl::StatusOr<SeriesList> EvaluatedTarget(const std::string& target) override {
    // Long texts cost time to read: they count like points.
    PLUMBAGO_RETURN_IF_ERROR(ChargePoints(static_cast<int64_t>(target.size())));
    return evaluation_.EvaluateText(range_, target);
  }

  SeriesList Fetched(const std::string& pattern) override {
    return evaluation_.Fetched(range_, pattern);
  }

  void SetXFilesFactor(double share) override {
    evaluation_.context_.x_files_factor = evaluation_.set_share_ = share;
  }

  absl::Status ChargePoints(int64_t count) override {
    int64_t& total = evaluation_.point_count_;
    if (count > context().points_max - total) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the target creates more than ", context().points_max, " points (",
                       context().points_max_name,
                       "); ask for a shorter time range, fewer series or a longer interval"));
    }
    total += count;
    return absl::OkStatus();
  }

 private:
  size_t IndexOf(absl::string_view name) const {
    const std::vector<Parameter>& parameters = arguments_.definition().parameters;
    size_t index = 0;
    while (index < parameters.size() && parameters[index].name != name) ++index;
    PLUMBAGO_CHECK(index < parameters.size());
    return index;
  }

  Evaluation& evaluation_;
  const TimeRange& range_;
  const Arguments& arguments_;
  const std::vector<TimeRange> windows_;
  Lists first_;
  Lists others_;
  const std::vector<bool> is_written_;  // by parameter
  std::string source_;
};

absl::StatusOr<SeriesList> Evaluation::BoundCall::Applied(absl::string_view name, Lists lists) {
  const FunctionDefinition* function = evaluation_.table_.Find(name);
  if (function == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown function \"", base::Excerpt(name), "\"; /functions lists all"));
  }
  const auto refuse = [&] {
    return absl::InvalidArgumentError(absl::StrCat("the function ", function->name,
                                                   "() cannot be called with ", lists.size(),
                                                   " lists of series and nothing else"));
  };
  const std::vector<Parameter>& parameters = function->parameters;
  std::vector<std::vector<Value>> literals(parameters.size());
  Lists others(parameters.size());
  std::vector<bool> is_written(parameters.size());
  size_t given = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const bool takes_series = parameters[i].type == ParameterType::kSeriesList ||
                              parameters[i].type == ParameterType::kSeriesListOrFloat;
    if (takes_series && given < lists.size()) {
      others[i] = std::move(lists[given++]);
      is_written[i] = true;
      while (function->IsRepeated(i) && given < lists.size()) {
        std::move(lists[given].begin(), lists[given].end(), std::back_inserter(others[i]));
        ++given;
      }
    } else if (parameters[i].presence == Parameter::Presence::kRequired) {
      return refuse();
    } else if (!std::holds_alternative<std::monostate>(parameters[i].default_value)) {
      literals[i].push_back(parameters[i].default_value);
    }
  }
  if (given < lists.size() || function->windows != nullptr) return refuse();
  Lists first;
  first.push_back(std::move(others[0]));
  const Arguments arguments(*function, std::move(literals));
  BoundCall call(evaluation_, range_, arguments, {range_}, std::move(first), std::move(others),
                 std::move(is_written));
  return function->evaluate(call);
}

absl::StatusOr<SeriesList> Evaluation::EvaluateText(const TimeRange& range,
                                                    const std::string& target) {
  if (++text_depth_ > kTextDepthMax) {
    return absl::InvalidArgumentError("targets that make up targets are nested too deeply");
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const Expression expression, ParseTarget(target));
  PLUMBAGO_RETURN_IF_ERROR(CheckCalls(table_, expression));
  absl::StatusOr<SeriesList> list = EvaluateIn(range, expression);
  --text_depth_;
  return list;
}

// Whether the call may get names instead of series: it reads no more, they come straight from the
// index, are many, and nothing else needs their values.
bool Evaluation::MayReduce(const TimeRange& range, const Binding& binding) {
  const FunctionDefinition& definition = binding.arguments.definition();
  const bool is_off = context_.reduced_series_min == std::numeric_limits<size_t>::max();
  if (is_off || definition.reads == FunctionDefinition::Reads::kValues) return false;
  size_t series_count = 0;
  bool are_known = true;
  for (const auto& expressions : binding.series) {
    for (const Expression* expression : expressions) {
      if (expression->kind != Expression::Kind::kPath) return false;
      const Fetch fetch{expression->text, range};
      if (data_.IsWhole(fetch)) return false;
      const SeriesList* names = data_.FindNames(fetch);
      are_known &= names != nullptr;
      if (names != nullptr) series_count += names->size();
    }
  }
  return !are_known || series_count >= context_.reduced_series_min;
}

absl::StatusOr<SeriesList> Evaluation::Reduced(const TimeRange& range, absl::string_view word,
                                               SeriesList list,
                                               std::optional<double> x_files_factor) {
  if (!is_reducing_ || list.empty()) {
    return AggregateSeries(word, std::move(list), x_files_factor);
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const Aggregation aggregation, ParseAggregation(word));
  if (!IsMergeable(aggregation)) {
    NeedWhole(range, list);
    return SeriesList(1);  // stands for it
  }
  const Reduction::Key key = KeyOf(range, aggregation, list);
  if (const ReducedRows* found = data_.FindReduced(key)) {
    if (found->series_count == 0) return SeriesList{};
    const double share = x_files_factor.value_or(0);
    return SeriesList{AggregatedSeries(
        word, list, found->grid, found->rows.Result(found->series_count, share), x_files_factor)};
  }
  ++pending_count_;
  if (seen_reductions_.insert(key).second) {
    missing_.reductions.push_back({key, range, aggregation, std::move(list)});
  }
  return SeriesList(1);  // stands for it
}

absl::StatusOr<SeriesList> Evaluation::EvaluateCall(const TimeRange& range, Binding& binding,
                                                    const std::string& source) {
  if (MayReduce(range, binding)) {
    is_reducing_ = true;
    absl::StatusOr<SeriesList> list = EvaluateBound(range, binding, source);
    is_reducing_ = false;
    return list;
  }
  return EvaluateBound(range, binding, source);
}

absl::StatusOr<SeriesList> Evaluation::EvaluateBound(const TimeRange& range, Binding& binding,
                                                     const std::string& source) {
  const FunctionDefinition& definition = binding.arguments.definition();
  const int pending_before = pending_count_;
  std::vector<TimeRange> windows = {range};
  if (definition.windows != nullptr) {
    Question question(*this, range, binding);
    PLUMBAGO_ASSIGN_OR_RETURN(windows, definition.windows(question));
    if (pending_count_ > pending_before) return SeriesList{};
  }
  BoundCall::Lists first;
  const bool takes_series = !binding.series.empty() && !binding.series[0].empty();
  for (TimeRange& window : windows) {
    // There is no data before 1970, and no clock of the store that goes further.
    window.from = std::clamp<int64_t>(window.from, 0, kTimeMax);
    window.until = std::clamp<int64_t>(window.until, 0, kTimeMax);
    first.emplace_back();
    if (!takes_series) continue;
    PLUMBAGO_ASSIGN_OR_RETURN(first.back(), EvaluateParameter(window, binding.series[0]));
  }
  BoundCall::Lists others(binding.series.size());
  std::vector<bool> is_written(binding.series.size());
  if (takes_series) is_written[0] = true;
  for (size_t i = 1; i < others.size(); ++i) {
    is_written[i] = !binding.series[i].empty();
    PLUMBAGO_ASSIGN_OR_RETURN(others[i], EvaluateParameter(range, binding.series[i]));
  }
  if (pending_count_ > pending_before) return SeriesList{};
  BoundCall call(*this, range, binding.arguments, std::move(windows), std::move(first),
                 std::move(others), std::move(is_written));
  call.set_source(source);
  return definition.evaluate(call);
}

}  // namespace

TimeRange WithLookback(const TimeRange& range, int64_t points, int64_t step) {
  return {std::clamp<int64_t>(range.from - points * step, 0, kTimeMax),
          std::clamp<int64_t>(range.until, 0, kTimeMax)};
}

absl::StatusOr<Evaluated> Evaluate(const FunctionTable& table, const EvaluationContext& context,
                                   const FetchedData& data, const Expression& expression,
                                   SharedResults* shared) {
  return Evaluation(table, context, data, shared).Run(expression);
}

}  // namespace plumbago::functions
