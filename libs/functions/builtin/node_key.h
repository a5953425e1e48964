// Parts of a series' name, as aliasByNode and the groupBy functions pick them.
#pragma once

#include <string>
#include <vector>

#include "functions/definition.h"
#include "functions/series.h"

namespace plumbago::functions {

// The nodes (indexes, negative ones from the end) and tags (names), joined with dots. Nodes are
// those of the name without tags, or of the first path inside it where the name ends like a call.
// What does not exist is looked up as a tag, and empty if there is none.
std::string NodeKey(const Series& series, const std::vector<Value>& nodes_or_tags);

}  // namespace plumbago::functions
