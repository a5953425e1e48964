// One series out of its copies: stored by several replicas, and hot in their caches. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "query/shard_client.h"

namespace plumbago::query {

// Merges `other` into `series`, both stored copies of the same series: of equal shape, nulls are
// filled; else the finer copy stays, of the same step the one with fewer nulls.
void MergeStored(StoredSeries other, StoredSeries& series);

// Puts hot points into the stored series. In the finest archive the later arrival wins a step. In a
// coarser one a step's hot points are aggregated by the series' method where nothing is stored, and
// combined with what is stored where the method allows it (max, min, last); a stored sum or average
// stays, as it covers points that the cache no longer has.
void MergeHot(const HotSeries& hot, StoredSeries& series);

}  // namespace plumbago::query
