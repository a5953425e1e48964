#include "topology/assignment.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "topology/internal/slot_matching.h"
#include "topology/slot_map.h"

namespace plumbago::topology {
namespace {

using internal::Bin;
using internal::CompletePlacement;
using internal::Placement;

struct ActiveShard {
  std::string id;
  uint16_t zone = 0;
};

struct Zone {
  std::vector<uint16_t> shards;
  size_t per_slot = 0;  // replicas of one slot it may hold
  size_t quota = 0;
};

// Works in two levels, so that the rule of zones and the balance of shards do not fight: first each
// slot's replicas are given to zones, then each zone's replicas to its shards.
class Spread {
 public:
  Spread(const v1::TopologySnapshot& topology, size_t replication_factor)
      : replication_factor_(replication_factor) {
    ReadActiveShards(topology);
    LimitReplicasPerZone();
  }

  // `current` gives each slot's present holders as ids, the preferred one first.
  Placement Run(const std::vector<std::vector<std::string>>& current) {
    KeepAllowed(current);
    ComputeQuotas();
    GiveSlotsToZones();
    GiveSlotsToShards();
    SpreadPreferred();
    return std::move(replicas_);
  }

  const std::vector<ActiveShard>& shards() const { return shards_; }

 private:
  void ReadActiveShards(const v1::TopologySnapshot& topology) {
    std::map<std::string, std::string> zone_of_shard;
    std::map<std::string, uint16_t> zone_index;
    for (const v1::Shard& shard : topology.shard()) {
      if (shard.state() != v1::Shard::ACTIVE) continue;
      zone_of_shard[shard.id()] = shard.zone();
      zone_index[shard.zone()] = 0;
    }
    uint16_t next_zone = 0;
    for (auto& [zone, index] : zone_index) index = next_zone++;
    zones_.resize(next_zone);
    for (const auto& [id, zone] : zone_of_shard) {
      const uint16_t index = zone_index[zone];
      zones_[index].shards.push_back(static_cast<uint16_t>(shards_.size()));
      shards_.push_back({id, index});
    }
  }

  // One replica a zone where there are enough zones, else the smallest number that makes room.
  void LimitReplicasPerZone() {
    for (size_t limit = 1;; ++limit) {
      size_t sum = 0;
      for (Zone& zone : zones_) {
        zone.per_slot = std::min(limit, zone.shards.size());
        sum += zone.per_slot;
      }
      if (sum >= replication_factor_) return;
    }
  }

  size_t CountInZone(const std::vector<uint16_t>& replicas, uint16_t zone) const {
    return static_cast<size_t>(std::count_if(replicas.begin(), replicas.end(), [&](uint16_t shard) {
      return shards_[shard].zone == zone;
    }));
  }

  void KeepAllowed(const std::vector<std::vector<std::string>>& current) {
    std::map<std::string, uint16_t> index_of_shard;
    for (uint16_t i = 0; i < shards_.size(); ++i) index_of_shard[shards_[i].id] = i;
    replicas_.resize(kSlotCount);
    held_.assign(shards_.size(), 0);
    for (size_t slot = 0; slot < kSlotCount; ++slot) {
      for (const std::string& id : current[slot]) {
        const auto found = index_of_shard.find(id);
        if (found == index_of_shard.end()) continue;
        const uint16_t zone = shards_[found->second].zone;
        if (replicas_[slot].size() == replication_factor_) break;
        if (CountInZone(replicas_[slot], zone) == zones_[zone].per_slot) continue;
        replicas_[slot].push_back(found->second);
        ++held_[found->second];
      }
    }
  }

  // Equal shares, except that a zone which may not hold as much as its shards' shares is filled and
  // the others share the rest.
  void ComputeQuotas() {
    quota_.assign(shards_.size(), 0);
    size_t replicas = kSlotCount * replication_factor_;
    std::vector<uint16_t> open(zones_.size());
    for (uint16_t i = 0; i < open.size(); ++i) open[i] = i;
    size_t open_shards = shards_.size();
    const auto is_filled = [&](uint16_t zone) {
      return replicas * zones_[zone].shards.size() >= Capacity(zone) * open_shards;
    };
    for (auto zone = std::find_if(open.begin(), open.end(), is_filled); zone != open.end();
         zone = std::find_if(open.begin(), open.end(), is_filled)) {
      Share({*zone}, Capacity(*zone));
      replicas -= Capacity(*zone);
      open_shards -= zones_[*zone].shards.size();
      open.erase(zone);
    }
    Share(open, replicas);
  }

  size_t Capacity(uint16_t zone) const { return kSlotCount * zones_[zone].per_slot; }

  // Shares `replicas` evenly over the shards of `zones`; what does not divide goes to those that
  // hold the most already, as far as their zone may.
  void Share(const std::vector<uint16_t>& zones, size_t replicas) {
    std::vector<uint16_t> shards;
    for (const uint16_t zone : zones) {
      shards.insert(shards.end(), zones_[zone].shards.begin(), zones_[zone].shards.end());
    }
    if (shards.empty()) return;
    const size_t share = replicas / shards.size();
    size_t rest = replicas % shards.size();
    for (const uint16_t shard : shards) {
      quota_[shard] = share;
      zones_[shards_[shard].zone].quota += share;
    }
    std::sort(shards.begin(), shards.end(), [&](uint16_t a, uint16_t b) {
      return std::make_pair(held_[b], a) < std::make_pair(held_[a], b);
    });
    for (const uint16_t shard : shards) {
      const uint16_t zone = shards_[shard].zone;
      if (rest == 0 || zones_[zone].quota == Capacity(zone)) continue;
      ++quota_[shard];
      ++zones_[zone].quota;
      --rest;
    }
    PLUMBAGO_CHECK(rest == 0);
  }

  // Takes `count` replicas from `shard`: from complete slots first, so that no slot has to find
  // several new homes, and from the highest, so that slots stay in long ranges.
  void Shed(uint16_t shard, size_t count) {
    for (const bool is_from_any : {false, true}) {
      for (size_t slot = kSlotCount; slot-- > 0 && count > 0;) {
        auto& held = replicas_[slot];
        if (!is_from_any && held.size() < replication_factor_) continue;
        const auto found = std::find(held.begin(), held.end(), shard);
        if (found == held.end()) continue;
        held.erase(found);
        --held_[shard];
        --count;
      }
    }
  }

  void GiveSlotsToZones() {
    for (uint16_t zone = 0; zone < zones_.size(); ++zone) ShedZone(zone);
    std::vector<Bin> bins;
    for (const Zone& zone : zones_) bins.push_back({zone.quota, zone.per_slot});
    zones_of_slot_.resize(kSlotCount);
    for (size_t slot = 0; slot < kSlotCount; ++slot) {
      for (const uint16_t shard : replicas_[slot]) {
        zones_of_slot_[slot].push_back(shards_[shard].zone);
      }
    }
    CompletePlacement(std::vector<size_t>(kSlotCount, replication_factor_), bins, zones_of_slot_);
  }

  // Brings a zone down to its quota, taking from the shards that are above theirs.
  void ShedZone(uint16_t zone) {
    size_t held = 0;
    for (const uint16_t shard : zones_[zone].shards) held += held_[shard];
    for (const uint16_t shard : zones_[zone].shards) {
      if (held <= zones_[zone].quota) return;
      if (held_[shard] <= quota_[shard]) continue;
      const size_t count = std::min(held - zones_[zone].quota, held_[shard] - quota_[shard]);
      Shed(shard, count);
      held -= count;
    }
  }

  void GiveSlotsToShards() {
    for (uint16_t zone = 0; zone < zones_.size(); ++zone) DropWhatLeftTheZone(zone);
    for (uint16_t shard = 0; shard < shards_.size(); ++shard) {
      if (held_[shard] > quota_[shard]) Shed(shard, held_[shard] - quota_[shard]);
    }
    for (uint16_t zone = 0; zone < zones_.size(); ++zone) CompleteZone(zone);
  }

  // Completing the zones may have taken slots from one: whichever shard held such a slot drops it.
  void DropWhatLeftTheZone(uint16_t zone) {
    for (size_t slot = 0; slot < kSlotCount; ++slot) {
      auto& held = replicas_[slot];
      const auto& zones = zones_of_slot_[slot];
      const size_t wanted = static_cast<size_t>(std::count(zones.begin(), zones.end(), zone));
      while (CountInZone(held, zone) > wanted) {
        const auto last = std::find_if(held.rbegin(), held.rend(),
                                       [&](uint16_t shard) { return shards_[shard].zone == zone; });
        --held_[*last];
        held.erase(std::next(last).base());
      }
    }
  }

  void CompleteZone(uint16_t zone) {
    const std::vector<uint16_t>& shards = zones_[zone].shards;
    std::vector<Bin> bins;
    for (const uint16_t shard : shards) bins.push_back({quota_[shard], 1});
    std::vector<size_t> demand(kSlotCount);
    Placement in_zone(kSlotCount);
    for (size_t slot = 0; slot < kSlotCount; ++slot) {
      const auto& zones = zones_of_slot_[slot];
      demand[slot] = static_cast<size_t>(std::count(zones.begin(), zones.end(), zone));
      for (const uint16_t shard : replicas_[slot]) {
        if (shards_[shard].zone != zone) continue;
        const auto found = std::lower_bound(shards.begin(), shards.end(), shard);
        in_zone[slot].push_back(static_cast<uint16_t>(found - shards.begin()));
      }
    }
    CompletePlacement(demand, bins, in_zone);
    for (size_t slot = 0; slot < kSlotCount; ++slot) Merge(zone, in_zone[slot], replicas_[slot]);
  }

  // Replaces the replicas of `zone` by `bins`: those that stay keep their order, new ones follow.
  void Merge(uint16_t zone, const std::vector<uint16_t>& bins, std::vector<uint16_t>& replicas) {
    std::vector<uint16_t> wanted;
    for (const uint16_t bin : bins) wanted.push_back(zones_[zone].shards[bin]);
    const auto is_gone = [&](uint16_t shard) {
      return shards_[shard].zone == zone &&
             std::find(wanted.begin(), wanted.end(), shard) == wanted.end();
    };
    replicas.erase(std::remove_if(replicas.begin(), replicas.end(), is_gone), replicas.end());
    for (const uint16_t shard : wanted) {
      if (std::find(replicas.begin(), replicas.end(), shard) == replicas.end()) {
        replicas.push_back(shard);
      }
    }
  }

  // Hands the first place to another replica while that evens out. Ends: each swap makes the sum of
  // the squares of the counts smaller.
  void SpreadPreferred() {
    std::vector<size_t> preferred(shards_.size(), 0);
    for (const auto& held : replicas_) ++preferred[held.front()];
    for (bool is_changed = true; is_changed;) {
      is_changed = false;
      for (auto& held : replicas_) {
        const auto least = std::min_element(held.begin(), held.end(), [&](uint16_t a, uint16_t b) {
          return preferred[a] < preferred[b];
        });
        if (preferred[held.front()] <= preferred[*least] + 1) continue;
        --preferred[held.front()];
        ++preferred[*least];
        std::rotate(held.begin(), least, std::next(least));
        is_changed = true;
      }
    }
  }

  const size_t replication_factor_;
  std::vector<ActiveShard> shards_;  // by id
  std::vector<Zone> zones_;          // by name
  std::vector<size_t> quota_;        // per shard: replicas it shall hold
  std::vector<size_t> held_;         // per shard: replicas it keeps so far
  Placement replicas_;               // per slot: shards
  Placement zones_of_slot_;
};

std::vector<std::vector<std::string>> CurrentHolders(const v1::TopologySnapshot& topology) {
  std::vector<std::vector<std::string>> holders(kSlotCount);
  for (const v1::SlotRange& range : topology.slots()) {
    for (uint32_t slot = range.first(); slot <= range.last(); ++slot) {
      holders[slot].assign(range.shard().begin(), range.shard().end());
    }
  }
  return holders;
}

void WriteRanges(const Placement& placement, const std::vector<ActiveShard>& shards,
                 v1::TopologySnapshot& topology) {
  topology.clear_slots();
  for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
    if (slot > 0 && placement[slot] == placement[slot - 1]) {
      topology.mutable_slots(topology.slots_size() - 1)->set_last(slot);
      continue;
    }
    v1::SlotRange& range = *topology.add_slots();
    range.set_first(slot);
    range.set_last(slot);
    for (const uint16_t shard : placement[slot]) range.add_shard(shards[shard].id);
  }
}

absl::Status ValidateCurrent(const v1::TopologySnapshot& topology) {
  if (topology.slots_size() == 0) return absl::OkStatus();  // the first shards
  return SlotMap::FromProto(topology).status();
}

}  // namespace

absl::StatusOr<v1::TopologySnapshot> SpreadSlots(const v1::TopologySnapshot& topology,
                                                 uint32_t replication_factor) {
  if (absl::Status status = ValidateCurrent(topology); !status.ok()) return status;
  const auto active = static_cast<size_t>(
      std::count_if(topology.shard().begin(), topology.shard().end(),
                    [](const v1::Shard& shard) { return shard.state() == v1::Shard::ACTIVE; }));
  const size_t factor_max = std::min(active, kReplicasMax);
  if (replication_factor < 1 || replication_factor > factor_max) {
    return absl::InvalidArgumentError(absl::StrCat("replication factor ", replication_factor,
                                                   " does not fit ", active,
                                                   " active shards; use 1 to ", factor_max));
  }
  Spread spread(topology, replication_factor);
  v1::TopologySnapshot result = topology;
  WriteRanges(spread.Run(CurrentHolders(topology)), spread.shards(), result);
  return result;
}

}  // namespace plumbago::topology
