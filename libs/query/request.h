// What one request has in common on its way through the shards, and what it finds out about them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "query/limits.h"
#include "topology/slot_map.h"

namespace plumbago::query {

class ResultCache;

struct RequestContext {
  std::string tenant;
  std::shared_ptr<const topology::SlotMap> slot_map;  // shared with newer requests
  int64_t now = 0;      // seconds; reference of relative times and retentions
  absl::Time deadline;  // of the whole request
  // Of the whole request, shared with its calls; null: nobody will cancel it.
  std::shared_ptr<base::Cancellation> cancellation = nullptr;
  // Of the tenant, shared with whoever works for the request; null: the engine's.
  std::shared_ptr<const Limits> limits = nullptr;
  // Where fetched series are looked for and kept, for how long; null: nowhere.
  ResultCache* fetch_cache = nullptr;
  absl::Duration cache_time = absl::ZeroDuration();
};

struct MissingShard {
  std::string id;
  std::string reason;
};

// Which shards were needed, and which of them failed. One thread.
class ShardReport {
 public:
  explicit ShardReport(std::shared_ptr<const topology::SlotMap> slot_map)
      : slot_map_(std::move(slot_map)) {}

  void NeedAllSlots() { needs_all_slots_ = true; }
  void NeedSlot(uint32_t slot) { slots_.insert(slot); }
  // `what` was asked of the shard. The first failure is kept.
  void Add(uint16_t shard, absl::string_view what, const absl::Status& status);

  // Shards without which the answer lacks something: those that failed or are excluded and hold a
  // needed slot of which no replica answered.
  std::vector<MissingShard> Missing() const;
  // Shards were asked, and none has answered anything.
  bool NothingAnswered() const;

 private:
  bool IsGood(uint16_t shard) const;

  const std::shared_ptr<const topology::SlotMap> slot_map_;  // shared with the request
  bool needs_all_slots_ = false;
  absl::flat_hash_set<uint32_t> slots_;
  bool is_asked_ = false;
  bool is_answered_ = false;
  std::map<uint16_t, std::string> failures_;
};

// "shard-1 (deadline exceeded), shard-3 (unavailable)", as X-Plumbago-Partial has it.
std::string DescribeMissing(const std::vector<MissingShard>& missing);

}  // namespace plumbago::query
