// How many series, and bytes of files, a tenant and parts of its tree may have in this store. New
// series over a quota are refused; those that exist go on, and lowering a quota removes nothing.
//
// A quota of the controller is for a whole tenant, over all shards, each series counted once
// however many replicas it has. A store sees its own slots only and enforces a share
// (docs/adr/0007): limit x own slots / 4096, plus three standard deviations of what the hash of
// names may put there, and never more than the limit. So a tenant that is under its quota is hardly
// ever refused, and one shard alone enforces it exactly.
//
// What is used is what the index has plus what writers have reserved and not put there yet: exact,
// however many threads create series at once. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "index/series_index.h"
#include "store/series_name.h"
#include "topology/snapshot.h"

namespace plumbago::store {

// The part of `limit` that a shard with `owned_slots` of 4096 enforces; `unit` is what one series
// counts. 0 where the limit is 0, which is none; else at least `unit`.
uint64_t ShareOfLimit(uint64_t limit, uint32_t owned_slots, uint64_t unit);

// How many slots the shard has that is called `shard_id`, or where that is empty, whose store has
// `store_address`. All of them where there is no such shard: then each quota applies whole.
uint32_t OwnedSlots(const topology::SlotMap& slot_map, absl::string_view shard_id,
                    absl::string_view store_address);

class Quotas {
 public:
  struct State {
    std::string tenant;
    std::string prefix;       // empty: the tenant's own
    uint64_t series_max = 0;  // of the whole tenant; 0: no limit
    uint64_t bytes_max = 0;
    uint64_t series_count = 0;  // in this store
    uint64_t file_bytes = 0;
    uint64_t refused_count = 0;  // series, each as often as it was tried, since the start
  };

  class Reservations;

  // `index` must outlive this.
  explicit Quotas(const index::SeriesIndex& index) : index_(index) {}

  // Takes over the limits of `snapshot`.
  void Apply(const topology::Snapshot& snapshot, uint32_t owned_slots);

  // All, or those of one tenant; ordered by tenant and prefix.
  std::vector<State> List(absl::string_view tenant) const;

 private:
  // A quota, and what writers have in hand of it.
  struct Rule {
    std::string tenant;
    std::string prefix;
    uint64_t series_max = 0;
    uint64_t bytes_max = 0;
    uint64_t reserved_series = 0;
    uint64_t reserved_bytes = 0;
    // Of the reserved, those that are just being put in the index: counted there already, or not.
    uint64_t moving_series = 0;
    uint64_t moving_bytes = 0;
    uint64_t refused_count = 0;
  };
  enum class Verdict { kFits, kIsOver, kUnclear };
  using RulePointer = std::shared_ptr<Rule>;  // shared with the reservations made under it
  using RulesByPrefix = std::map<std::string, RulePointer, std::less<>>;

  void SetRule(const std::string& tenant, const std::string& prefix, uint64_t series_max,
               uint64_t bytes_max, absl::flat_hash_map<std::string, RulesByPrefix>* rules)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<RulePointer> RulesOf(const SeriesName& name) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Verdict Judge(const Rule& rule, uint64_t file_bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Refusal(const Rule& rule, uint64_t file_bytes) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const index::SeriesIndex& index_;

  // The index's lock is taken inside this one, for a sum along one path.
  mutable base::Mutex mutex_;
  base::CondVar move_ends_;
  uint32_t owned_slots_ ABSL_GUARDED_BY(mutex_) = topology::kSlotCount;
  absl::flat_hash_map<std::string, RulesByPrefix> rules_ ABSL_GUARDED_BY(mutex_);  // by tenant
};

// The new series that one writer has in hand. For one thread.
//
//   Add          before a file is made
//   Undo         where that failed
//   BeginMove    before all are put in the index
//   EndMove      after: from now on the index counts them
class Quotas::Reservations {
 public:
  explicit Reservations(Quotas& quotas) : quotas_(quotas) {}

  // ResourceExhausted, naming the quota and how to raise it. May wait for another writer's move to
  // end, which is a write to the index.
  absl::Status Add(const SeriesName& name, uint64_t file_bytes);
  void Undo();  // the last Add
  void BeginMove();
  void EndMove();

 private:
  struct Entry {
    std::vector<RulePointer> rules;
    uint64_t file_bytes = 0;
  };

  Quotas& quotas_;
  std::vector<Entry> entries_;
};

}  // namespace plumbago::store
