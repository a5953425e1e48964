#include "topology_view.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace plumbago::ctl {

Table ShardTable(const v1::TopologySnapshot& topology) {
  std::map<std::string, uint32_t> held;
  std::map<std::string, uint32_t> preferred;
  for (const v1::SlotRange& range : topology.slots()) {
    const uint32_t count = range.last() - range.first() + 1;
    for (const std::string& shard : range.shard()) held[shard] += count;
    if (!range.shard().empty()) preferred[range.shard(0)] += count;
  }
  Table table({"ID", "STATE", "ZONE", "CACHE", "STORE", "SLOTS", "PREFERRED"});
  for (const v1::Shard& shard : topology.shard()) {
    table.Add({shard.id(), absl::AsciiStrToLower(v1::Shard::State_Name(shard.state())),
               shard.zone(), shard.cache_address(), shard.store_address(),
               absl::StrCat(held[shard.id()]), absl::StrCat(preferred[shard.id()])});
  }
  return table;
}

Table SlotTable(const v1::TopologySnapshot& topology) {
  Table table({"FIRST", "LAST", "SHARDS"});
  for (const v1::SlotRange& range : topology.slots()) {
    table.Add({absl::StrCat(range.first()), absl::StrCat(range.last()),
               absl::StrJoin(range.shard(), ",")});
  }
  return table;
}

absl::StatusOr<v1::SlotRange> ParseSlotRange(absl::string_view text) {
  const auto invalid = [&] {
    return absl::InvalidArgumentError(absl::StrCat("slots \"", base::Excerpt(text),
                                                   "\"; use FIRST-LAST=SHARD[,SHARD...], as in "
                                                   "0-2047=a,b"));
  };
  const std::pair<absl::string_view, absl::string_view> sides =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  const std::pair<absl::string_view, absl::string_view> bounds =
      absl::StrSplit(sides.first, absl::MaxSplits('-', 1));
  const bool is_single = sides.first.find('-') == absl::string_view::npos;
  uint32_t first = 0;
  uint32_t last = 0;
  if (!absl::SimpleAtoi(bounds.first, &first)) return invalid();
  if (!absl::SimpleAtoi(is_single ? bounds.first : bounds.second, &last)) return invalid();
  v1::SlotRange range;
  range.set_first(first);
  range.set_last(last);
  for (const absl::string_view shard : absl::StrSplit(sides.second, ',')) {
    if (shard.empty()) return invalid();
    range.add_shard(std::string(shard));
  }
  if (range.shard().empty()) return invalid();
  return range;
}

uint32_t ReplicationFactorOf(const v1::TopologySnapshot& topology) {
  std::map<int, uint32_t> slots_with;  // so many replicas
  for (const v1::SlotRange& range : topology.slots()) {
    slots_with[range.shard_size()] += range.last() - range.first() + 1;
  }
  if (slots_with.empty()) return 1;
  const auto usual = std::max_element(
      slots_with.begin(), slots_with.end(),
      [](const auto& one, const auto& other) { return one.second < other.second; });
  return static_cast<uint32_t>(usual->first);
}

}  // namespace plumbago::ctl
