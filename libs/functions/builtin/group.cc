// Groups of series, each made one: groupByNode, groupByNodes, groupByTags, ...WithWildcards,
// mapSeries, reduceSeries; group, and applyByNode, which evaluates a target for every group.
#include <algorithm>
#include <set>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/node_key.h"
#include "functions/normalize.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> Reduced(Call& call, const std::string& callback,
                                   std::vector<Group> groups) {
  SeriesList result;
  for (Group& group : groups) {
    PLUMBAGO_ASSIGN_OR_RETURN(SeriesList reduced, call.Aggregated(callback, std::move(group.list)));
    if (reduced.empty()) continue;
    reduced.front().name = std::move(group.key);
    result.push_back(std::move(reduced.front()));
  }
  return result;
}

absl::StatusOr<SeriesList> EvaluateGroupByNodes(Call& call) {
  const FunctionDefinition& definition = call.arguments().definition();
  const char* nodes = definition.name == "groupByNode" ? "nodeNum" : "nodes";
  return Reduced(call, call.arguments().String("callback"),
                 GroupByNodeKey(std::move(call.series()), call.arguments().Repeated(nodes)));
}

std::string TagOf(const Series& series, const std::string& tag) {
  const std::string* value = series.tags.Find(tag);
  return value == nullptr ? std::string() : *value;
}

absl::StatusOr<SeriesList> EvaluateGroupByTags(Call& call) {
  const std::string& callback = call.arguments().String("callback");
  std::set<std::string> tags;
  for (const Value& tag : call.arguments().Repeated("tags"))
    tags.insert(std::get<std::string>(tag));
  const bool is_by_name = tags.erase("name") > 0;
  std::set<std::string> names;
  for (const Series& series : call.series()) names.insert(TagOf(series, "name"));
  const std::string common_name = names.size() == 1 ? *names.begin() : callback;

  PLUMBAGO_ASSIGN_OR_RETURN(
      SeriesList list,
      Reduced(call, callback, GroupBy(std::move(call.series()), [&](const Series& series) {
                std::string key = is_by_name ? TagOf(series, "name") : common_name;
                for (const std::string& tag : tags) {
                  absl::StrAppend(&key, ";", tag, "=", TagOf(series, tag));
                }
                return key;
              })));
  for (Series& series : list) {
    series.path_expression = series.name;
    series.tags = TagsOfName(series.name);
  }
  return list;
}

absl::StatusOr<SeriesList> EvaluateWithWildcards(Call& call) {
  const FunctionDefinition& definition = call.arguments().definition();
  const std::string& word =
      definition.variant.empty() ? call.arguments().String("func") : definition.variant;
  std::set<int64_t> dropped;
  for (const Value& position : call.arguments().Repeated("position")) {
    dropped.insert(std::get<int64_t>(position));
  }
  std::vector<Group> groups = GroupBy(std::move(call.series()), [&](const Series& series) {
    std::vector<absl::string_view> kept;
    int64_t index = 0;
    for (const absl::string_view node : absl::StrSplit(series.name, '.')) {
      if (!dropped.contains(index++)) kept.push_back(node);
    }
    return absl::StrJoin(kept, ".");
  });
  SeriesList result;
  for (Group& group : groups) {
    PLUMBAGO_ASSIGN_OR_RETURN(SeriesList reduced, call.Reduced(word, std::move(group.list),
                                                               call.context().x_files_factor));
    if (reduced.empty()) continue;
    reduced.front().name = std::move(group.key);
    result.push_back(std::move(reduced.front()));
  }
  return result;
}

absl::StatusOr<SeriesList> EvaluateGroup(Call& call) { return std::move(call.series()); }

// Lists of lists do not exist here: reduceSeries looks at every series by itself, so that those of
// a group only have to be next to each other.
absl::StatusOr<SeriesList> EvaluateMap(Call& call) {
  SeriesList all;
  for (Group& group :
       GroupByNodeKey(std::move(call.series()), call.arguments().Repeated("mapNodes"))) {
    std::move(group.list.begin(), group.list.end(), std::back_inserter(all));
  }
  return all;
}

// The nodes before the index-th, and that one; false where there are not as many.
bool SplitAt(const std::string& name, int64_t index, std::string* before, std::string* node) {
  const std::vector<absl::string_view> nodes = absl::StrSplit(name, '.');
  const auto count = static_cast<int64_t>(nodes.size());
  const int64_t at = index < 0 ? index + count : index;
  if (at < 0 || at >= count) return false;
  *before = absl::StrJoin(nodes.begin(), nodes.begin() + at, ".");
  *node = std::string(nodes[static_cast<size_t>(at)]);
  return true;
}

absl::StatusOr<SeriesList> EvaluateReduce(Call& call) {
  const std::string& function = call.arguments().String("reduceFunction");
  const int64_t index = call.arguments().Integer("reduceNode");
  const std::vector<Value>& matchers = call.arguments().Repeated("reduceMatchers");
  struct Slots {
    std::string name;
    std::vector<SeriesList> lists;
  };
  std::vector<Slots> groups;
  for (Series& series : call.series()) {
    std::string before;
    std::string node;
    if (!SplitAt(series.name, index, &before, &node)) {
      return Refused(call, series.name, " has no node ", index);
    }
    const auto matcher = std::find(matchers.begin(), matchers.end(), Value(node));
    if (matcher == matchers.end()) continue;
    const std::string name = absl::StrCat(before, ".reduce.", function);
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const Slots& slots) { return slots.name == name; });
    if (group == groups.end()) {
      groups.push_back({name, std::vector<SeriesList>(matchers.size())});
      group = groups.end() - 1;
    }
    SeriesList& slot = group->lists[static_cast<size_t>(matcher - matchers.begin())];
    slot.clear();  // the last one counts
    slot.push_back(std::move(series));
  }
  SeriesList result;
  for (Slots& group : groups) {
    PLUMBAGO_ASSIGN_OR_RETURN(SeriesList reduced, call.Applied(function, std::move(group.lists)));
    if (reduced.empty()) continue;
    reduced.front().name = std::move(group.name);
    result.push_back(std::move(reduced.front()));
  }
  return result;
}

// `text` with the prefix for every %.
absl::StatusOr<std::string> Filled(const Call& call, const std::string& text,
                                   const std::string& prefix) {
  constexpr size_t kFilledBytesMax = size_t{64} << 10;
  const auto count = static_cast<size_t>(std::count(text.begin(), text.end(), '%'));
  if (text.size() + count * prefix.size() > kFilledBytesMax) {
    return Refused(call, "\"", base::Excerpt(text), "\" becomes longer than ", kFilledBytesMax,
                   " bytes");
  }
  return absl::StrReplaceAll(text, {{"%", prefix}});
}

absl::StatusOr<SeriesList> EvaluateApplyByNode(Call& call) {
  const int64_t index = call.arguments().Integer("nodeNum");
  const std::string& target = call.arguments().String("templateFunction");
  const bool is_renamed = call.arguments().IsGiven("newName");
  if (call.series().empty()) return SeriesList{};
  std::set<std::string> prefixes;
  for (const Series& series : call.series()) {
    std::string before;
    std::string node;
    if (index < 0 || !SplitAt(series.name, index, &before, &node)) {
      return Refused(call, series.name, " has no node ", index);
    }
    prefixes.insert(index == 0 ? node : absl::StrCat(before, ".", node));
  }
  const Series& last = call.series().back();
  SeriesList result;
  for (const std::string& prefix : prefixes) {
    PLUMBAGO_ASSIGN_OR_RETURN(const std::string filled, Filled(call, target, prefix));
    PLUMBAGO_ASSIGN_OR_RETURN(SeriesList list, call.EvaluatedTarget(filled));
    for (Series& series : list) {
      if (is_renamed) {
        PLUMBAGO_ASSIGN_OR_RETURN(series.name,
                                  Filled(call, call.arguments().String("newName"), prefix));
      }
      series.path_expression = prefix;
      series.start = last.start;
      series.end = last.end;
      result.push_back(std::move(series));
    }
  }
  return result;
}

FunctionDefinition Definition(const char* name, const char* description,
                              std::vector<Parameter> parameters,
                              absl::StatusOr<SeriesList> (*evaluate)(Call& call)) {
  return {.name = name,
          .group = "Combine",
          .description = description,
          .parameters = std::move(parameters),
          .evaluate = evaluate};
}

// Groups by names and tags alone.
FunctionDefinition Grouping(const char* name, const char* description,
                            std::vector<Parameter> parameters,
                            absl::StatusOr<SeriesList> (*evaluate)(Call& call)) {
  FunctionDefinition definition = Definition(name, description, std::move(parameters), evaluate);
  definition.reads = FunctionDefinition::Reads::kNames;
  return definition;
}

FunctionDefinition WithWildcards(const char* name, const char* variant, const char* description) {
  FunctionDefinition definition =
      Grouping(name, description, {SeriesParameter(), AnyNumber("position", ParameterType::kNode)},
               EvaluateWithWildcards);
  definition.variant = variant;
  definition.is_aggregator = *variant != '\0';
  if (*variant == '\0') {
    definition.parameters.insert(definition.parameters.begin() + 1,
                                 Required("func", ParameterType::kAggregation));
  }
  return definition;
}

}  // namespace

std::vector<FunctionDefinition> GroupFunctions() {
  constexpr auto kCallback = ParameterType::kAggregationOrFunction;
  constexpr auto kNodeOrTag = ParameterType::kNodeOrTag;
  std::vector<FunctionDefinition> family = {
      Grouping("groupByNode",
               "Groups the series by a node of their path, or by a tag, and reduces every group "
               "to one series by callback.",
               {SeriesParameter(), Required("nodeNum", kNodeOrTag),
                Optional("callback", kCallback, std::string("average"))},
               EvaluateGroupByNodes),
      Grouping("groupByNodes",
               "Groups the series by several nodes or tags and reduces every group to one series "
               "by callback.",
               {SeriesParameter(), Required("callback", kCallback), AnyNumber("nodes", kNodeOrTag)},
               EvaluateGroupByNodes),
      Grouping("groupByTags",
               "Groups the series by tags and reduces every group to one series by callback.",
               {SeriesParameter(), Required("callback", kCallback),
                Repeated("tags", ParameterType::kTag)},
               EvaluateGroupByTags),
      WithWildcards("aggregateWithWildcards", "",
                    "Groups the series by their names without the nodes at the positions, and "
                    "aggregates every group by func."),
      WithWildcards("sumSeriesWithWildcards", "sum",
                    "Adds up the series whose names are the same without the nodes at the "
                    "positions."),
      WithWildcards("averageSeriesWithWildcards", "average",
                    "The average of the series whose names are the same without the nodes at the "
                    "positions."),
      WithWildcards("multiplySeriesWithWildcards", "multiply",
                    "The product of the series whose names are the same without the nodes at the "
                    "positions."),
      Definition("group", "All series of the lists in one list.",
                 {AnyNumber("seriesLists", ParameterType::kSeriesList)}, EvaluateGroup),
      Definition("mapSeries", "Groups the series by nodes or tags, for reduceSeries.",
                 {SeriesParameter(), Repeated("mapNodes", kNodeOrTag)}, EvaluateMap),
      Definition("reduceSeries",
                 "Calls reduceFunction with the series of every group whose node reduceNode is the "
                 "first matcher, the second matcher, and so on.",
                 {Required("seriesLists", ParameterType::kSeriesList),
                  Required("reduceFunction", ParameterType::kString),
                  Required("reduceNode", ParameterType::kNode),
                  Repeated("reduceMatchers", ParameterType::kString)},
                 EvaluateReduce),
      Definition("applyByNode",
                 "Evaluates templateFunction for every distinct prefix of nodeNum + 1 nodes, which "
                 "stands for % in it and in newName.",
                 {SeriesParameter(), Required("nodeNum", ParameterType::kNode),
                  Required("templateFunction", ParameterType::kString),
                  Optional("newName", ParameterType::kString)},
                 EvaluateApplyByNode),
  };
  for (FunctionDefinition& definition : family) {
    if (definition.name == "mapSeries") definition.aliases = {"map"};
    if (definition.name == "reduceSeries") definition.aliases = {"reduce"};
  }
  return family;
}

}  // namespace plumbago::functions
