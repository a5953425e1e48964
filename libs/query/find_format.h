// Answers of /metrics/find, /metrics/expand and /metrics/index.json. Pure.
//
// Nodes come sorted by path, a path that is branch and leaf twice. Texts are names with %XX
// resolved, as graphite-web shows them; ids and paths are as they are. Numbers are 0 and 1, never
// booleans, where Grafana's backend reads integers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "query/shard_client.h"

namespace plumbago::query {

enum class WildcardNode { kNo, kYes };

// {"text","id","allowChildren","expandable","leaf","context"}: a "*" in front if asked for and
// there is more than one node, then branches, then leaves, each by name and each name once. An id
// is the query up to its last dot, wildcards kept, and the name.
std::string FindTreeJson(const std::vector<FoundNode>& nodes, absl::string_view query,
                         WildcardNode wildcard);

// The pattern that a completer's query stands for: ".." means "*.", and "*" ends it. With variants
// a node with commas and without braces is taken into braces.
enum class Variants { kNo, kAutomatic };
std::string CompleterPattern(absl::string_view query, Variants variants = Variants::kNo);
std::string FindCompleter(const std::vector<FoundNode>& nodes, WildcardNode wildcard);

// {"path","is_leaf"} by path, with "intervals" of leaves open on both sides: what a shard has is
// not known without reading it.
std::string FindJson(const std::vector<FoundNode>& nodes, int64_t now);

// {"nodes":[...]}: the distinct nodes at `position`, which counts from the end where negative, of
// the paths that have it. As graphite-web, which fails where a path is too short.
std::string FindNodeList(const std::vector<FoundNode>& nodes, int64_t position);

// The same as json in binary form, by name. Intervals are pairs, which graphite-web reads from its
// peers as well as its own objects.
std::string FindPickle(const std::vector<FoundNode>& nodes, int64_t now);
std::string FindMsgpack(const std::vector<FoundNode>& nodes, int64_t now);

// GlobResponse of carbonapi's protocol 2, and MultiGlobResponse of its protocol 3: of one query,
// and one after the other the answer to several.
std::string FindProtobufV2(const std::vector<FoundNode>& nodes, absl::string_view query);
std::string FindProtobufV3(const std::vector<FoundNode>& nodes, absl::string_view query);

// {"results":[...]}, or {"results":{query:[...]}} where grouped.
using ExpandedQuery = std::pair<std::string, std::vector<std::string>>;
std::string ExpandJson(std::vector<std::string> paths);
std::string ExpandJsonGrouped(const std::vector<ExpandedQuery>& queries);

// ["a.b","a.c"].
std::string ListJson(const std::vector<std::string>& names);

}  // namespace plumbago::query
