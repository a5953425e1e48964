#include "functions/builtin/node_key.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "functions/parser.h"

namespace plumbago::functions {
namespace {

// The path at the end of the chain of first arguments, or the whole name where there is none.
std::string FirstPath(const std::string& name) {
  if (name.empty() || name.back() != ')') return name;
  const absl::StatusOr<Expression> parsed = ParseTarget(name);
  if (!parsed.ok()) return name;
  const Expression* expression = &*parsed;
  while (expression->kind == Expression::Kind::kCall && !expression->arguments.empty()) {
    expression = &expression->arguments.front().value;
  }
  return expression->kind == Expression::Kind::kPath ? expression->text : name;
}

std::string TagOf(const Series& series, absl::string_view key) {
  const std::string* value = series.tags.Find(key);
  return value == nullptr ? std::string() : *value;
}

}  // namespace

std::string NodeKey(const Series& series, const std::vector<Value>& nodes_or_tags) {
  const std::string path = FirstPath(series.name);
  const std::vector<absl::string_view> nodes =
      absl::StrSplit(absl::string_view(path).substr(0, path.find(';')), '.');
  const auto node_count = static_cast<int64_t>(nodes.size());
  std::string key;
  for (size_t i = 0; i < nodes_or_tags.size(); ++i) {
    if (i > 0) key += '.';
    if (const auto* tag = std::get_if<std::string>(&nodes_or_tags[i])) {
      key += TagOf(series, *tag);
      continue;
    }
    const int64_t wanted = std::get<int64_t>(nodes_or_tags[i]);
    const int64_t index = wanted < 0 ? wanted + node_count : wanted;
    if (index >= 0 && index < node_count) {
      absl::StrAppend(&key, nodes[static_cast<size_t>(index)]);
    } else {
      key += TagOf(series, absl::StrCat(wanted));
    }
  }
  return key;
}

std::vector<Group> GroupBy(SeriesList list,
                           const std::function<std::string(const Series&)>& key_of) {
  std::vector<Group> groups;
  absl::flat_hash_map<std::string, size_t> index_of;
  for (Series& series : list) {
    std::string key = key_of(series);
    const auto [entry, is_new] = index_of.emplace(key, groups.size());
    if (is_new) groups.push_back({std::move(key), {}});
    groups[entry->second].list.push_back(std::move(series));
  }
  return groups;
}

std::vector<Group> GroupByNodeKey(SeriesList list, const std::vector<Value>& nodes_or_tags) {
  return GroupBy(std::move(list),
                 [&](const Series& series) { return NodeKey(series, nodes_or_tags); });
}

}  // namespace plumbago::functions
