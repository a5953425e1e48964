// pearson, pearsonClosest and kolmogorovSmirnovTest2: how alike two series are.
#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/ranking.h"

namespace plumbago::functions {
namespace {

constexpr int64_t kStepsBetweenChecks = int64_t{1} << 22;

// Pearson's coefficient over the points that both have.
double Correlation(absl::Span<const double> a, absl::Span<const double> b) {
  double n = 0;
  double sum_a = 0;
  double sum_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) continue;
    n += 1;
    sum_a += a[i];
    sum_b += b[i];
  }
  double aa = 0;
  double bb = 0;
  double ab = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) continue;
    const double x = a[i] - sum_a / n;
    const double y = b[i] - sum_b / n;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  return aa == 0 || bb == 0 ? kNull : ab / std::sqrt(aa * bb);
}

// The greatest distance of the two distributions.
double KolmogorovSmirnov(absl::Span<const double> first, absl::Span<const double> second) {
  const auto sorted = [](absl::Span<const double> values) {
    std::vector<double> present;
    for (const double value : values) {
      if (!std::isnan(value)) present.push_back(value);
    }
    std::sort(present.begin(), present.end());
    return present;
  };
  const std::vector<double> a = sorted(first);
  const std::vector<double> b = sorted(second);
  if (a.empty() || b.empty()) return kNull;
  double distance = 0;
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    const double value = std::min(a[i], b[j]);
    while (i < a.size() && a[i] == value) ++i;
    while (j < b.size() && b[j] == value) ++j;
    distance =
        std::max(distance, std::fabs(static_cast<double>(i) / static_cast<double>(a.size()) -
                                     static_cast<double>(j) / static_cast<double>(b.size())));
  }
  return distance;
}

absl::StatusOr<SeriesList> EvaluateWindows(Call& call) {
  const Arguments& arguments = call.arguments();
  const bool is_pearson = arguments.definition().name == "pearson";
  const char* size_name = is_pearson ? "windowSize" : "window";
  const int64_t size = arguments.Integer(size_name);
  if (size < 1) return Refused(call, size_name, " is ", size, ", not at least 1");
  SeriesList& first = call.SeriesOf("seriesList1");
  SeriesList& second = call.SeriesOf("seriesList2");
  if (first.empty() || second.empty()) return SeriesList{};
  if (first.size() != 1 || second.size() != 1) {
    return Refused(call, "the lists are ", first.size(), " and ", second.size(),
                   " series, not one each");
  }
  const std::vector<double>& a = first[0].values.get();
  const std::vector<double>& b = second[0].values.get();
  const auto width = static_cast<size_t>(size);
  const size_t skipped = is_pearson ? width - 1 : width;
  std::vector<double> values(std::min(a.size(), b.size()), kNull);
  int64_t steps = 0;
  for (size_t i = skipped; i < values.size(); ++i) {
    const absl::Span<const double> x(&a[i + 1 - width], width);
    const absl::Span<const double> y(&b[i + 1 - width], width);
    values[i] = is_pearson ? Correlation(x, y) : KolmogorovSmirnov(x, y);
    steps += size;
    if (steps > kStepsBetweenChecks) {
      PLUMBAGO_RETURN_IF_ERROR(call.context().check_alive());
      steps = 0;
    }
  }
  Series result = std::move(first[0]);
  result.RenameTo(absl::StrCat(arguments.definition().name, "(", result.name, ",", second[0].name,
                               ",", size, ")"));
  result.values = std::move(values);
  result.has_integer_values = false;
  return SeriesList{std::move(result)};
}

absl::StatusOr<SeriesList> EvaluateClosest(Call& call) {
  const Arguments& arguments = call.arguments();
  const std::string& direction = arguments.String("direction");
  if (direction != "abs" && direction != "pos" && direction != "neg") {
    return Refused(call, "direction is \"", base::Excerpt(direction), "\"; use abs, pos or neg");
  }
  const SeriesList& references = call.SeriesOf("reference");
  SeriesList& list = call.SeriesOf("seriesList");
  if (references.empty() || list.empty()) return SeriesList{};
  if (references.size() != 1) {
    return Refused(call, "reference is ", references.size(), " series, not exactly one");
  }
  const std::vector<double>& reference = references[0].values.get();
  std::erase_if(list,
                [&](const Series& series) { return series.values.size() != reference.size(); });
  const auto likeness = [&](const Series& series) {
    const double value = Correlation(reference, series.values.get());
    return direction == "abs" ? std::fabs(value) : (direction == "pos" ? value : -value);
  };
  SortByRank(likeness, Order::kDescending, list);
  const auto count = static_cast<size_t>(std::max<int64_t>(arguments.Integer("n"), 0));
  list.resize(std::min(list.size(), count));
  return std::move(list);
}

}  // namespace

std::vector<FunctionDefinition> CorrelationFunctions() {
  constexpr auto kList = ParameterType::kSeriesList;
  const auto of_windows = [](const char* name, const char* size, const char* description) {
    return FunctionDefinition{
        .name = name,
        .group = "Calculate",
        .description = description,
        .parameters = {Required("seriesList1", kList), Required("seriesList2", kList),
                       Required(size, ParameterType::kInteger)},
        .evaluate = EvaluateWindows};
  };
  FunctionDefinition test = of_windows(
      "kolmogorovSmirnovTest2", "window",
      "The statistic of the Kolmogorov-Smirnov test over the last points of two series.");
  test.aliases = {"ksTest2"};
  return {
      of_windows("pearson", "windowSize",
                 "Pearson's coefficient of correlation over the last points of two series."),
      test,
      {.name = "pearsonClosest",
       .group = "Filter Series",
       .description = "The n series that are most correlated with the reference: abs, pos or neg.",
       .parameters = {Required("reference", kList), Required("seriesList", kList),
                      Required("n", ParameterType::kInteger),
                      Optional("direction", ParameterType::kString, std::string("abs"))},
       .evaluate = EvaluateClosest},
  };
}

}  // namespace plumbago::functions
