// Parts of a series' name, as aliasByNode and the groupBy functions pick them.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "functions/definition.h"
#include "functions/series.h"

namespace plumbago::functions {

// The nodes (indexes, negative ones from the end) and tags (names), joined with dots. Nodes are
// those of the name without tags, or of the first path inside it where the name ends like a call.
// What does not exist is looked up as a tag, and empty if there is none.
std::string NodeKey(const Series& series, const std::vector<Value>& nodes_or_tags);

struct Group {
  std::string key;
  SeriesList list;
};

// Groups in the order in which their keys occur first.
std::vector<Group> GroupBy(SeriesList list,
                           const std::function<std::string(const Series&)>& key_of);
std::vector<Group> GroupByNodeKey(SeriesList list, const std::vector<Value>& nodes_or_tags);

}  // namespace plumbago::functions
