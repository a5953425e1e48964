#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

struct Buckets {
  int64_t start = 0;
  int64_t end = 0;
  int64_t interval = 1;
  int64_t count() const { return end > start ? (end - start + interval - 1) / interval : 0; }
};

Buckets BucketsOf(const Series& series, int64_t interval, bool is_aligned_to_from) {
  if (is_aligned_to_from) return {series.start, series.end, interval};
  return {series.start - series.start % interval, series.end - series.end % interval + interval,
          interval};
}

// One value a bucket; null where the share of values among the points that fit into a bucket is
// below the series' xFilesFactor.
std::vector<double> Summarized(const Series& series, Aggregation aggregation,
                               const Buckets& buckets) {
  const auto points_per_bucket =
      static_cast<double>(buckets.interval) / static_cast<double>(series.step);
  const int64_t covered =
      std::max<int64_t>((series.end - series.start + series.step - 1) / series.step, 0);
  const size_t point_count = std::min(series.values.size(), static_cast<size_t>(covered));
  std::vector<double> result;
  result.reserve(static_cast<size_t>(buckets.count()));
  size_t next = 0;
  for (int64_t time = buckets.start; time < buckets.end; time += buckets.interval) {
    const size_t first = next;
    size_t value_count = 0;
    while (next < point_count &&
           series.start + static_cast<int64_t>(next) * series.step < time + buckets.interval) {
      value_count += !std::isnan(series.values[next]);
      ++next;
    }
    const bool is_enough =
        value_count > 0 &&
        static_cast<double>(value_count) / points_per_bucket >= series.x_files_factor;
    const absl::Span<const double> points(series.values.begin() + first, next - first);
    result.push_back(is_enough ? Aggregate(aggregation, points) : kNull);
  }
  return result;
}

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const std::string& text = call.arguments().String("intervalString");
  const absl::StatusOr<int64_t> interval = ParseInterval(text);
  if (!interval.ok()) return base::Annotate(interval.status(), "summarize()");
  const std::string& function = call.arguments().String("func");
  PLUMBAGO_ASSIGN_OR_RETURN(const Aggregation aggregation, ParseAggregation(function));
  const bool is_aligned_to_from = call.arguments().Boolean("alignToFrom");

  for (Series& series : call.series()) {
    const Buckets buckets = BucketsOf(series, *interval, is_aligned_to_from);
    PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints(buckets.count()));
    series.values = Summarized(series, aggregation, buckets);
    series.tags.Set("summarize", text);
    series.tags.Set("summarizeFunction", function);
    series.RenameTo(absl::StrCat("summarize(", series.name, ", \"", text, "\", \"", function, "\"",
                                 is_aligned_to_from ? ", true)" : ")"));
    series.start = buckets.start;
    series.end = buckets.start + buckets.count() * *interval;
    series.step = *interval;
    series.has_integer_values = aggregation == Aggregation::kCount ||
                                (series.has_integer_values && KeepsIntegers(aggregation));
  }
  return std::move(call.series());
}

}  // namespace

FunctionDefinition Summarize() {
  return {
      .name = "summarize",
      .group = "Transform",
      .description =
          "One value for every interval, made from its points by func. Intervals "
          "start at multiples of their length, or with alignToFrom at the start.",
      .parameters = {{"seriesList", ParameterType::kSeriesList},
                     {.name = "intervalString",
                      .type = ParameterType::kInterval,
                      .suggestions = {std::string("10min"), std::string("1h"), std::string("1d")}},
                     {"func", ParameterType::kAggregation, Parameter::Presence::kOptional,
                      std::string("sum")},
                     {"alignToFrom", ParameterType::kBoolean, Parameter::Presence::kOptional,
                      false}},
      .evaluate = Evaluate};
}

}  // namespace plumbago::functions
