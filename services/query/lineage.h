// Where the series of an answer come from, as metrictank's meta=true tells it and Grafana shows it
// ("Data is rolled up ..."): the layout of the stored series, which archive was read, and what was
// merged (reference: metrictank api/models/series_meta). Blocks: asks the shards for layouts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "functions/series.h"
#include "query/engine.h"

namespace plumbago::query {

// Stored series that are alike, of those that one series was made of.
struct LineageEntry {
  std::string retentions;    // "1min:1d,10min:30d"
  size_t archive_index = 0;  // the one that holds the range; 0: the finest
  int64_t archive_interval = 0;
  int64_t points_normalised = 1;  // merged into one, so that all sources have one step
  std::string aggregation_method;
  uint64_t series_count = 0;

  bool operator==(const LineageEntry& other) const = default;
};
using Lineage = std::vector<LineageEntry>;

// What meta=true adds to an answer.
struct AnswerMeta {
  std::vector<Lineage> lineages;  // of each series
  PhaseTimes times;
};

// Of each series of `list`, before maxDataPoints. Series that no stored one is known for, as
// constantLine, have none, as those beyond the first hundred path expressions. Shards that do not
// answer go into `notes`. Errors as of Engine::Describe.
absl::StatusOr<std::vector<Lineage>> LineagesOf(const Engine& engine, const RequestContext& context,
                                                const functions::TimeRange& range,
                                                const functions::SeriesList& list,
                                                AnswerNotes& notes);

// metrictank's list of objects. `points_combined` is what maxDataPoints has merged into one, 1 for
// nothing, with the consolidation of the series.
std::string LineageJson(const Lineage& lineage, int64_t points_combined,
                        functions::Consolidation consolidation);

}  // namespace plumbago::query
