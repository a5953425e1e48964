// The call that Grafana 11.6 to 12 puts around each target, aliasSub(<target>, "(^.*$)", "\1
// <ref>"), so that it can tell by the names which query of a panel a series is of.
//
// <ref> differs between panels that ask for the same: taken off before results are looked for in a
// cache, and its effect, a suffix of each name, added afterwards. Pure.
#pragma once

#include <string>
#include <vector>

#include "functions/series.h"

namespace plumbago::query {

// Where the one target is in the wrapper, replaces it by what is inside and returns the suffix of
// the names: " A". Else, and for several targets, whose series are one list, returns nothing.
std::string TakeWrapper(std::vector<std::string>& targets);

// As the wrapper's regular expression does: names with line breaks stay.
void AddSuffix(const std::string& suffix, functions::SeriesList& list);

}  // namespace plumbago::query
