#include "lineage.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/parser.h"
#include "functions/text.h"

namespace plumbago::query {
namespace {

constexpr size_t kExpressionsMax = 100;
constexpr int64_t kStepMax = int64_t{1} << 32;

using Layouts = std::map<std::string, SeriesLayout>;  // by name

// What an expression reads.
void AddPatterns(const functions::Expression& expression, std::vector<std::string>& patterns) {
  if (expression.kind == functions::Expression::Kind::kPath) patterns.push_back(expression.text);
  if (expression.text == "seriesByTag") {
    patterns.push_back(expression.source);
    return;
  }
  for (const functions::Argument& argument : expression.arguments) {
    AddPatterns(argument.value, patterns);
  }
}

std::vector<std::string> PatternsOf(const std::string& path_expression) {
  std::vector<std::string> patterns;
  const auto expression = functions::ParseTarget(path_expression);
  if (expression.ok()) AddPatterns(*expression, patterns);
  return patterns;
}

// "90s", "5min", "1h", "2d": the largest unit that fits, as metrictank writes times.
std::string TimeText(int64_t seconds) {
  constexpr std::pair<int64_t, const char*> kUnits[] = {{86400, "d"}, {3600, "h"}, {60, "min"}};
  for (const auto& [unit, name] : kUnits) {
    if (seconds % unit == 0) return absl::StrCat(seconds / unit, name);
  }
  return absl::StrCat(seconds, "s");
}

LineageEntry EntryOf(const SeriesLayout& layout, int64_t age) {
  LineageEntry entry;
  entry.aggregation_method = layout.aggregation_method;
  entry.series_count = 1;
  bool is_found = false;
  for (size_t i = 0; i < layout.archives.size(); ++i) {
    const int64_t step = layout.archives[i].seconds_per_point;
    const int64_t retention = step * layout.archives[i].point_count;
    absl::StrAppend(&entry.retentions, i > 0 ? "," : "", TimeText(step), ":", TimeText(retention));
    // The finest one that reaches back to the beginning, else the coarsest (whisper.py: fetch).
    if (is_found) continue;
    is_found = retention >= age;
    entry.archive_index = i;
    entry.archive_interval = step;
  }
  return entry;
}

Lineage Grouped(const std::vector<const SeriesLayout*>& layouts, int64_t age) {
  Lineage lineage;
  int64_t common_step = 1;
  for (const SeriesLayout* layout : layouts) {
    LineageEntry entry = EntryOf(*layout, age);
    common_step = std::lcm(common_step, std::max<int64_t>(entry.archive_interval, 1));
    if (common_step > kStepMax) return {};
    const auto is_alike = [&](const LineageEntry& other) {
      entry.series_count = other.series_count;
      return entry == other;
    };
    const auto known = std::find_if(lineage.begin(), lineage.end(), is_alike);
    if (known != lineage.end()) {
      ++known->series_count;
      continue;
    }
    entry.series_count = 1;
    lineage.push_back(std::move(entry));
  }
  for (LineageEntry& entry : lineage) {
    entry.points_normalised = common_step / std::max<int64_t>(entry.archive_interval, 1);
  }
  return lineage;
}

// A series that is made of one stored series keeps its name as a tag.
std::string StoredNameOf(const functions::Series& series) {
  std::string name;
  std::string tags;
  std::map<std::string, std::string> sorted;
  for (const auto& [key, value] : series.tags.entries()) {
    if (key == "name") {
      name = value;
    } else {
      sorted[key] = value;
    }
  }
  for (const auto& [key, value] : sorted) absl::StrAppend(&tags, ";", key, "=", value);
  return name + tags;
}

const char* ConsolidatorOf(const std::string& method) {
  if (method == "sum") return "SumConsolidator";
  if (method == "min") return "MinimumConsolidator";
  if (method == "max") return "MaximumConsolidator";
  if (method == "last") return "LastConsolidator";
  return "AverageConsolidator";
}

const char* ConsolidatorOf(functions::Consolidation consolidation) {
  switch (consolidation) {
    case functions::Consolidation::kSum:
      return "SumConsolidator";
    case functions::Consolidation::kMinimum:
      return "MinimumConsolidator";
    case functions::Consolidation::kMaximum:
      return "MaximumConsolidator";
    case functions::Consolidation::kFirst:
      return "FirstConsolidator";
    case functions::Consolidation::kLast:
      return "LastConsolidator";
    case functions::Consolidation::kAverage:
    case functions::Consolidation::kAverageZero:
      return "AverageConsolidator";
  }
  return "NoneConsolidator";
}

absl::StatusOr<Layouts> LayoutsOf(const Engine& engine, const RequestContext& context,
                                  const std::vector<std::string>& patterns, AnswerNotes& notes) {
  Layouts layouts;
  PLUMBAGO_ASSIGN_OR_RETURN(DescribeAnswer answer, engine.Describe(context, patterns));
  for (const MissingShard& missing : answer.notes.missing_shards) {
    const bool is_known =
        std::any_of(notes.missing_shards.begin(), notes.missing_shards.end(),
                    [&](const MissingShard& other) { return other.id == missing.id; });
    if (!is_known) notes.missing_shards.push_back(missing);
  }
  for (ShardLayouts& shard : answer.shards) {
    for (auto& [name, layout] : shard.series) layouts.emplace(name, std::move(layout));
  }
  return layouts;
}

}  // namespace

absl::StatusOr<std::vector<Lineage>> LineagesOf(const Engine& engine, const RequestContext& context,
                                                const functions::TimeRange& range,
                                                const functions::SeriesList& list,
                                                AnswerNotes& notes) {
  std::map<std::string, Layouts> by_expression;
  std::vector<Lineage> lineages;
  const int64_t age = context.now - range.from;
  for (const functions::Series& series : list) {
    Lineage& lineage = lineages.emplace_back();
    auto known = by_expression.find(series.path_expression);
    if (known == by_expression.end()) {
      if (by_expression.size() >= kExpressionsMax) continue;
      known = by_expression.emplace(series.path_expression, Layouts()).first;
      const std::vector<std::string> patterns = PatternsOf(series.path_expression);
      if (!patterns.empty()) {
        PLUMBAGO_ASSIGN_OR_RETURN(known->second, LayoutsOf(engine, context, patterns, notes));
      }
    }
    std::vector<const SeriesLayout*> sources;
    const auto own = known->second.find(StoredNameOf(series));
    if (own != known->second.end()) {
      sources.push_back(&own->second);
    } else {
      for (const auto& [name, layout] : known->second) sources.push_back(&layout);
    }
    lineage = Grouped(sources, age);
  }
  return lineages;
}

std::string LineageJson(const Lineage& lineage, int64_t points_combined,
                        functions::Consolidation consolidation) {
  std::string json = "[";
  for (const LineageEntry& entry : lineage) {
    const bool is_combined = points_combined > 1;
    absl::StrAppend(&json, json.size() > 1 ? "," : "", R"({"schema-name":"","schema-retentions":")",
                    entry.retentions, R"(","archive-read":)", entry.archive_index,
                    R"(,"archive-interval":)", entry.archive_interval, R"(,"aggnum-norm":)",
                    entry.points_normalised, R"(,"consolidator-normfetch":")",
                    ConsolidatorOf(entry.aggregation_method), R"(","aggnum-rc":)",
                    is_combined ? points_combined : 0, R"(,"consolidator-rc":")",
                    is_combined ? ConsolidatorOf(consolidation) : "NoneConsolidator",
                    R"(","count":)", entry.series_count, "}");
  }
  json += ']';
  return json;
}

}  // namespace plumbago::query
