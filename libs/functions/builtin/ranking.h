// Series in the order of a number that each has.
#pragma once

#include <functional>

#include "functions/aggregation.h"
#include "functions/series.h"

namespace plumbago::functions {

enum class Order { kAscending, kDescending };

// Stable. Null ranks below every number.
void SortByRank(const std::function<double(const Series&)>& rank, Order order, SeriesList& list);

void SortByAggregation(Aggregation aggregation, Order order, SeriesList& list);

}  // namespace plumbago::functions
