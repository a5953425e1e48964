// sumSeries, averageSeries, minSeries and maxSeries: one aggregation over all series given.
#include "functions/builtin/builtin.h"
#include "functions/call.h"
#include "functions/normalize.h"

namespace plumbago::functions {
namespace {

FunctionDefinition Definition(const char* name, std::vector<std::string> aliases,
                              const char* description,
                              absl::StatusOr<SeriesList> (*evaluate)(Call& call)) {
  return {
      .name = name,
      .aliases = std::move(aliases),
      .group = "Combine",
      .description = description,
      .parameters = {{"seriesLists", ParameterType::kSeriesList, Parameter::Presence::kRepeated}},
      .is_aggregator = true,
      .evaluate = evaluate};
}

template <const char* word>
absl::StatusOr<SeriesList> Evaluate(Call& call) {
  return AggregateSeries(word, std::move(call.series()), call.context().x_files_factor);
}

constexpr char kSum[] = "sum";
constexpr char kAverage[] = "average";
constexpr char kMinimum[] = "min";
constexpr char kMaximum[] = "max";

}  // namespace

FunctionDefinition SumSeries() {
  return Definition("sumSeries", {"sum"}, "Adds the series up, point by point.", Evaluate<kSum>);
}

FunctionDefinition AverageSeries() {
  return Definition("averageSeries", {"avg"}, "The average of the series at each point.",
                    Evaluate<kAverage>);
}

FunctionDefinition MinSeries() {
  return Definition("minSeries", {}, "The least value of the series at each point.",
                    Evaluate<kMinimum>);
}

FunctionDefinition MaxSeries() {
  return Definition("maxSeries", {}, "The greatest value of the series at each point.",
                    Evaluate<kMaximum>);
}

}  // namespace plumbago::functions
