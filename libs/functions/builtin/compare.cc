// Series compared with each other: join, countValues, heatMap, tukeyAbove, tukeyBelow and
// timeShiftByMetric.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/ranking.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> EvaluateJoin(Call& call) {
  const std::string type = absl::AsciiStrToUpper(call.arguments().String("type"));
  SeriesList& first = call.SeriesOf("seriesA");
  SeriesList& second = call.SeriesOf("seriesB");
  absl::flat_hash_set<std::string> in_first;
  absl::flat_hash_set<std::string> in_second;
  for (const Series& series : first) in_first.insert(series.name);
  for (const Series& series : second) in_second.insert(series.name);
  if (type != "AND" && type != "OR" && type != "XOR" && type != "SUB") {
    return Refused(call, "type is \"", base::Excerpt(type), "\"; use AND, OR, XOR or SUB");
  }
  SeriesList results;
  for (Series& series : first) {
    const bool is_common = in_second.contains(series.name);
    if (type == "OR" || is_common == (type == "AND")) results.push_back(std::move(series));
  }
  for (Series& series : second) {
    const bool is_wanted = type == "OR" || type == "XOR";
    if (is_wanted && !in_first.contains(series.name)) results.push_back(std::move(series));
  }
  return results;
}

absl::StatusOr<SeriesList> EvaluateCountValues(Call& call) {
  const SeriesList& list = call.series();
  if (list.empty()) return SeriesList{};
  const int64_t limit = call.arguments().Integer("valuesLimit");
  const size_t size = list.front().values.size();
  std::map<int64_t, std::vector<double>> counts;
  for (const Series& series : list) {
    for (size_t i = 0; i < std::min(size, series.values.size()); ++i) {
      if (!(std::fabs(series.values[i]) < 0x1p62)) continue;  // null, or no int64_t
      const auto [entry, is_new] = counts.try_emplace(static_cast<int64_t>(series.values[i]));
      if (is_new && static_cast<int64_t>(counts.size()) > limit) {
        Series reached = list.front();
        reached.RenameTo("valuesLimitReached");
        reached.values = std::vector<double>(size, 0);
        return SeriesList{std::move(reached)};
      }
      if (is_new) {
        PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints(static_cast<int64_t>(size)));
        entry->second.assign(size, 0);
      }
      ++entry->second[i];
    }
  }
  SeriesList results;
  for (auto& [value, column] : counts) {
    Series result = list.front();
    result.RenameTo(absl::StrCat(value));
    result.values = std::move(column);
    results.push_back(std::move(result));
  }
  return results;
}

absl::StatusOr<SeriesList> EvaluateHeatMap(Call& call) {
  SeriesList& list = call.series();
  static constexpr size_t kLead = 5;
  SortByRank(
      [](const Series& series) {
        double sum = 0;
        for (size_t i = 0; i < std::min(kLead, series.values.size()); ++i) {
          if (!std::isnan(series.values[i])) sum += series.values[i];
        }
        return sum;
      },
      Order::kAscending, list);
  SeriesList results;
  for (size_t i = 1; i < list.size(); ++i) {
    const Series& lower = list[i - 1];
    if (lower.step != list[i].step || lower.values.size() != list[i].values.size()) {
      return Refused(call, lower.name, " and ", list[i].name, " differ in step or length");
    }
    Series difference = list[i];
    size_t at = 0;
    TransformValues(difference, [&](double value) { return value - lower.values[at++]; });
    difference.RenameTo(absl::StrCat("heatMap(", list[i].name, ",", lower.name, ")"));
    results.push_back(std::move(difference));
  }
  return results;
}

// Which of the points tukey... looks at: the first ones, or for a negative interval the last ones.
absl::StatusOr<std::pair<size_t, size_t>> Span(const Call& call, const Series& series) {
  const size_t size = series.values.size();
  const Value& interval = call.arguments().Get("interval");
  int64_t points = 0;
  if (const auto* text = std::get_if<std::string>(&interval)) {
    PLUMBAGO_ASSIGN_OR_RETURN(const int64_t seconds, ParseTimeOffset(*text));
    points = seconds / series.step;
  } else {
    points = std::get<int64_t>(interval);
  }
  const auto count = static_cast<int64_t>(size);
  const auto kept = static_cast<size_t>(std::abs(std::clamp(points, -count, count)));
  if (points == 0) return std::pair(size_t{0}, size);
  return points > 0 ? std::pair(size_t{0}, kept) : std::pair(size - kept, size);
}

absl::StatusOr<SeriesList> EvaluateTukey(Call& call) {
  const bool is_above = call.arguments().definition().name == "tukeyAbove";
  const double basis = call.arguments().Float("basis");
  SeriesList& list = call.series();
  std::vector<double> points;
  for (const Series& series : list) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto span, Span(call, series));
    for (size_t i = span.first; i < span.second; ++i) {
      if (!std::isnan(series.values[i])) points.push_back(series.values[i]);
    }
  }
  if (points.empty()) return SeriesList{};
  std::sort(points.begin(), points.end());
  const double first = points[points.size() / 4];
  const double third = points[points.size() * 3 / 4];
  const double limit = is_above ? third + basis * (third - first) : first - basis * (third - first);
  const auto outliers = [&](const Series& series) {
    return static_cast<double>(
        std::count_if(series.values.begin(), series.values.end(),
                      [&](double value) { return is_above ? value >= limit : value <= limit; }));
  };
  std::erase_if(list, [&](const Series& series) { return outliers(series) == 0; });
  SortByRank(outliers, Order::kDescending, list);
  const auto count = static_cast<size_t>(std::max<int64_t>(call.arguments().Integer("n"), 0));
  list.resize(std::min(list.size(), count));
  return std::move(list);
}

std::string LastNode(const std::string& name) {
  return name.substr(name.rfind('.') == std::string::npos ? 0 : name.rfind('.') + 1);
}

// When each version of a "<major>_<minor>" mark was last seen.
std::map<std::string, int64_t> Marks(const SeriesList& marks) {
  std::map<std::string, int64_t> times;
  for (const Series& series : marks) {
    const std::string version = LastNode(series.name);
    const size_t separator = version.find('_');
    if (separator == std::string::npos) continue;
    for (size_t i = series.values.size(); i > 0; --i) {
      if (std::isnan(series.values[i - 1])) continue;
      const int64_t time = series.start + static_cast<int64_t>(i - 1) * series.step;
      int64_t& latest = times[version.substr(0, separator)];
      latest = std::max(latest, time);
      break;
    }
  }
  return times;
}

absl::StatusOr<SeriesList> EvaluateTimeShiftByMetric(Call& call) {
  const int64_t rank = call.arguments().Integer("versionRankIndex");
  const std::map<std::string, int64_t> marks = Marks(call.SeriesOf("markSource"));
  if (marks.size() < 2) {
    return Refused(call, "markSource has marks of ", marks.size(), " versions, not at least 2");
  }
  int64_t newest = 0;
  for (const auto& [version, time] : marks) newest = std::max(newest, time);
  SeriesList results;
  for (Series& series : call.series()) {
    const std::vector<absl::string_view> nodes = absl::StrSplit(series.name, '.');
    if (rank < 0 || rank >= static_cast<int64_t>(nodes.size())) {
      return Refused(call, series.name, " has no node ", rank);
    }
    for (const auto& [version, time] : marks) {
      if (!absl::StartsWith(nodes[static_cast<size_t>(rank)], version)) continue;
      series.start += newest - time;
      series.end += newest - time;
      series.RenameTo(absl::StrCat("timeShiftByMetric(", series.name, ")"));
      results.push_back(std::move(series));
      break;
    }
  }
  return results;
}

FunctionDefinition Tukey(const char* name, const char* description) {
  return {.name = name,
          .group = "Filter Series",
          .description = description,
          .parameters = {SeriesParameter(), Required("basis", ParameterType::kFloat),
                         Required("n", ParameterType::kInteger),
                         Optional("interval", ParameterType::kIntegerOrInterval, int64_t{0})},
          .evaluate = EvaluateTukey};
}

}  // namespace

std::vector<FunctionDefinition> CompareFunctions() {
  constexpr auto kList = ParameterType::kSeriesList;
  return {
      {.name = "join",
       .group = "Combine",
       .description = "Series by name: those in both lists (AND), in any (OR), in one only (XOR), "
                      "or in the first only (SUB).",
       .parameters = {Required("seriesA", kList), Required("seriesB", kList),
                      Optional("type", ParameterType::kString, std::string("AND"))},
       .evaluate = EvaluateJoin},
      {.name = "countValues",
       .group = "Combine",
       .description = "A series for every whole value: how many series have it at each point.",
       .parameters = {SeriesParameter(),
                      Optional("valuesLimit", ParameterType::kInteger, int64_t{32})},
       .evaluate = EvaluateCountValues},
      {.name = "heatMap",
       .group = "Calculate",
       .description = "The differences of neighbours among the series, ordered by their size.",
       .parameters = {SeriesParameter()},
       .evaluate = EvaluateHeatMap},
      Tukey("tukeyAbove", "The n series with the most points above Q3 + basis (Q3 - Q1)."),
      Tukey("tukeyBelow", "The n series with the most points below Q1 - basis (Q3 - Q1)."),
      {.name = "timeShiftByMetric",
       .group = "Transform",
       .description = "Moves the series of each version so that the marks of all versions line up.",
       .parameters = {SeriesParameter(), Required("markSource", kList),
                      Required("versionRankIndex", ParameterType::kInteger)},
       .evaluate = EvaluateTimeShiftByMetric},
  };
}

}  // namespace plumbago::functions
