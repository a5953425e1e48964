#include "query/find_format.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "functions/text.h"

namespace plumbago::query {
namespace {

using functions::AppendInteger;
using functions::AppendJsonString;

absl::string_view NameOf(absl::string_view path) { return path.substr(path.rfind('.') + 1); }

void AppendTreeNode(absl::string_view base, absl::string_view name, bool is_leaf,
                    bool is_expandable, std::string& out) {
  out += out.size() > 1 ? ",{\"text\":" : "{\"text\":";
  AppendJsonString(name, out);
  out += ",\"id\":";
  AppendJsonString(absl::StrCat(base, name), out);
  const char* expandable = is_expandable ? "1" : "0";
  absl::StrAppend(&out, ",\"allowChildren\":", expandable, ",\"expandable\":", expandable,
                  ",\"leaf\":", is_leaf ? "1" : "0", ",\"context\":{}}");
}

// Distinct names of the branches or of the leaves, sorted.
std::vector<absl::string_view> NamesOf(const std::vector<FoundNode>& nodes, bool is_leaf) {
  std::vector<absl::string_view> names;
  for (const FoundNode& node : nodes) {
    if (node.is_leaf == is_leaf) names.push_back(NameOf(node.path));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void AppendStrings(const std::vector<std::string>& strings, std::string& out) {
  out += '[';
  for (const std::string& text : strings) {
    if (out.back() != '[') out += ',';
    AppendJsonString(text, out);
  }
  out += ']';
}

}  // namespace

std::string FindTreeJson(const std::vector<FoundNode>& nodes, absl::string_view query,
                         WildcardNode wildcard) {
  const absl::string_view base = query.substr(0, query.rfind('.') + 1);
  const std::vector<absl::string_view> branches = NamesOf(nodes, false);
  const std::vector<absl::string_view> leaves = NamesOf(nodes, true);
  std::string out = "[";
  if (wildcard == WildcardNode::kYes && branches.size() + leaves.size() > 1) {
    AppendTreeNode(base, "*", branches.empty(), !branches.empty(), out);
  }
  for (const absl::string_view name : branches) AppendTreeNode(base, name, false, true, out);
  for (const absl::string_view name : leaves) AppendTreeNode(base, name, true, false, out);
  out += ']';
  return out;
}

std::string CompleterPattern(absl::string_view query) {
  std::string pattern = absl::StrReplaceAll(query, {{"..", "*."}});
  if (!absl::EndsWith(pattern, "*")) pattern += '*';
  return pattern;
}

std::string FindCompleter(const std::vector<FoundNode>& nodes, WildcardNode wildcard) {
  std::string out = "{\"metrics\":[";
  for (const FoundNode& node : nodes) {
    out += out.back() == '[' ? "{\"path\":" : ",{\"path\":";
    AppendJsonString(node.is_leaf ? node.path : node.path + ".", out);
    out += ",\"name\":";
    AppendJsonString(NameOf(node.path), out);
    out += node.is_leaf ? ",\"is_leaf\":\"1\"}" : ",\"is_leaf\":\"0\"}";
  }
  if (wildcard == WildcardNode::kYes && nodes.size() > 1) out += ",{\"name\":\"*\"}";
  out += "]}";
  return out;
}

std::string FindJson(const std::vector<FoundNode>& nodes, int64_t now) {
  std::string out = "[";
  for (const FoundNode& node : nodes) {
    out += out.back() == '[' ? "{\"path\":" : ",{\"path\":";
    AppendJsonString(node.path, out);
    if (node.is_leaf) {
      out += ",\"is_leaf\":true,\"intervals\":[{\"start\":0.0,\"end\":";
      AppendInteger(now, out);
      out += ".0}]}";
    } else {
      out += ",\"is_leaf\":false}";
    }
  }
  out += ']';
  return out;
}

std::string ExpandJson(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  std::string out = "{\"results\":";
  AppendStrings(paths, out);
  out += '}';
  return out;
}

std::string ExpandJsonGrouped(const std::vector<ExpandedQuery>& queries) {
  std::string out = "{\"results\":{";
  absl::flat_hash_set<absl::string_view> seen;
  for (const auto& [query, paths] : queries) {
    if (!seen.insert(query).second) continue;
    if (seen.size() > 1) out += ',';
    AppendJsonString(query, out);
    out += ':';
    AppendStrings(paths, out);
  }
  out += "}}";
  return out;
}

std::string ListJson(const std::vector<std::string>& names) {
  std::string out;
  AppendStrings(names, out);
  return out;
}

}  // namespace plumbago::query
