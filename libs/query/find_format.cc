#include "query/find_format.h"

#include <algorithm>
#include <set>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "foreign/carbonapi_v2.pb.h"
#include "foreign/carbonapi_v3.pb.h"
#include "functions/text.h"
#include "query/internal/object_writers.h"

namespace plumbago::query {
namespace {

using functions::AppendInteger;
using functions::AppendJsonString;

absl::string_view NameOf(absl::string_view path) { return path.substr(path.rfind('.') + 1); }

// By name, as graphite-web sorts what it does not sort by path.
std::vector<const FoundNode*> ByName(const std::vector<FoundNode>& nodes) {
  std::vector<std::pair<absl::string_view, const FoundNode*>> named;
  named.reserve(nodes.size());
  for (const FoundNode& node : nodes) named.emplace_back(NameOf(node.path), &node);
  const auto is_before = [](const auto& a, const auto& b) { return a.first < b.first; };
  // Nodes of one name on many branches are so already.
  if (!std::is_sorted(named.begin(), named.end(), is_before)) {
    std::stable_sort(named.begin(), named.end(), is_before);
  }
  std::vector<const FoundNode*> sorted;
  sorted.reserve(named.size());
  for (const auto& [name, node] : named) sorted.push_back(node);
  return sorted;
}

// Python's unquote_plus.
std::string Unquoted(absl::string_view name) {
  std::string text;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool is_byte = name[i] == '%' && i + 2 < name.size() &&
                         absl::ascii_isxdigit(static_cast<unsigned char>(name[i + 1])) &&
                         absl::ascii_isxdigit(static_cast<unsigned char>(name[i + 2]));
    if (is_byte) {
      text += absl::HexStringToBytes(std::string(name.substr(i + 1, 2)));
      i += 2;
    } else {
      text += name[i] == '+' ? ' ' : name[i];
    }
  }
  return text;
}

template <typename Writer>
std::string FindObjects(const std::vector<FoundNode>& nodes, int64_t now) {
  std::string out;
  Writer::Begin(nodes.size(), out);
  for (const FoundNode* node : ByName(nodes)) {
    Writer::BeginMap(node->is_leaf ? 3 : 2, out);
    Writer::Text("path", out);
    Writer::Text(node->path, out);
    Writer::Text("is_leaf", out);
    Writer::Boolean(node->is_leaf, out);
    if (node->is_leaf) {
      Writer::Text("intervals", out);
      Writer::BeginValues(1, out);
      Writer::BeginValues(2, out);
      Writer::Float(0, out);
      Writer::Float(static_cast<double>(now), out);
      Writer::EndValues(out);
      Writer::EndValues(out);
    }
    Writer::EndMap(out);
  }
  Writer::End(out);
  return out;
}

template <typename Response>
void FillGlob(const std::vector<FoundNode>& nodes, absl::string_view query, Response& response) {
  response.set_name(functions::ValidUtf8(query));
  for (const FoundNode& node : nodes) {
    auto& match = *response.add_matches();
    match.set_path(functions::ValidUtf8(node.path));
    match.set_isleaf(node.is_leaf);
  }
}

void AppendTreeNode(absl::string_view base, absl::string_view name, bool is_leaf,
                    bool is_expandable, std::string& out) {
  out += out.size() > 1 ? ",{\"text\":" : "{\"text\":";
  AppendJsonString(Unquoted(name), out);
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
  if (wildcard == WildcardNode::kYes && nodes.size() > 1) {
    AppendTreeNode(base, "*", branches.empty(), !branches.empty(), out);
  }
  for (const absl::string_view name : branches) AppendTreeNode(base, name, false, true, out);
  for (const absl::string_view name : leaves) AppendTreeNode(base, name, true, false, out);
  out += ']';
  return out;
}

std::string CompleterPattern(absl::string_view query, Variants variants) {
  std::string pattern = absl::StrReplaceAll(query, {{"..", "*."}});
  if (!absl::EndsWith(pattern, "*")) pattern += '*';
  if (variants == Variants::kNo) return pattern;
  std::vector<std::string> nodes = absl::StrSplit(pattern, '.');
  for (std::string& node : nodes) {
    if (absl::StrContains(node, ',') && !absl::StrContains(node, '{')) {
      node = absl::StrCat("{", node, "}");
    }
  }
  return absl::StrJoin(nodes, ".");
}

std::string FindCompleter(const std::vector<FoundNode>& nodes, WildcardNode wildcard) {
  std::string out = "{\"metrics\":[";
  for (const FoundNode* node : ByName(nodes)) {
    out += out.back() == '[' ? "{\"path\":" : ",{\"path\":";
    AppendJsonString(node->path, out);
    if (!node->is_leaf) out.insert(out.size() - 1, 1, '.');
    out += ",\"name\":";
    AppendJsonString(NameOf(node->path), out);
    out += node->is_leaf ? ",\"is_leaf\":\"1\"}" : ",\"is_leaf\":\"0\"}";
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

std::string FindNodeList(const std::vector<FoundNode>& nodes, int64_t position) {
  std::set<std::string> names;
  for (const FoundNode& node : nodes) {
    const std::vector<std::string> parts = absl::StrSplit(node.path, '.');
    const auto count = static_cast<int64_t>(parts.size());
    const int64_t index = position < 0 ? count + position : position;
    if (index >= 0 && index < count) names.insert(parts[static_cast<size_t>(index)]);
  }
  std::string out = "{\"nodes\":";
  AppendStrings({names.begin(), names.end()}, out);
  out += '}';
  return out;
}

std::string FindPickle(const std::vector<FoundNode>& nodes, int64_t now) {
  return FindObjects<internal::PickleWriter>(nodes, now);
}

std::string FindMsgpack(const std::vector<FoundNode>& nodes, int64_t now) {
  return FindObjects<internal::MsgpackWriter>(nodes, now);
}

std::string FindProtobufV2(const std::vector<FoundNode>& nodes, absl::string_view query) {
  foreign::carbonapi_v2::GlobResponse response;
  FillGlob(nodes, query, response);
  return response.SerializeAsString();
}

std::string FindProtobufV3(const std::vector<FoundNode>& nodes, absl::string_view query) {
  foreign::carbonapi_v3::MultiGlobResponse response;
  FillGlob(nodes, query, *response.add_metrics());
  return response.SerializeAsString();
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
