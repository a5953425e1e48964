// From a name on the wire to where its points go: an open-addressing hash table for one reactor.
//
// A name is known by the 128-bit XXH3 of its bytes under a random seed of this process, so a
// look-up touches one cache line and compares no text; two names meet with probability 2^-128 and
// nobody outside can construct such a pair without the seed. For one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace plumbago::relay {

struct NameHash {
  uint64_t low = 0;
  uint64_t high = 0;
};

// The hash of a metric as received. `seed` differs per router and process.
NameHash HashName(absl::string_view metric, uint64_t seed);

// Where the points of a series go: to a shard and the replicas behind it, or as a plan says.
struct Route {
  static constexpr uint32_t kNoPlan = 0;

  uint32_t series_id = 0;  // in the lane's name table
  uint16_t lane = 0;       // the reactor's stream to the preferred shard
  uint16_t replica_count = 1;
  uint32_t more_targets = 0;  // index of the further targets, where replica_count > 1
  uint32_t plan = kNoPlan;    // of RoutePlans; the others mean nothing then
};

class SeriesTable {
 public:
  SeriesTable();

  // Fetches the slot of `hash` into the cache, ahead of Find.
  void Prefetch(const NameHash& hash) const { __builtin_prefetch(&slots_[hash.low & mask_]); }

  // Null where the name is unknown. Valid until the next Insert or Clear.
  const Route* Find(const NameHash& hash) const {
    for (size_t i = hash.low & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.hash.low == hash.low && slot.hash.high == hash.high) return &slot.route;
      if (slot.route.replica_count == 0) return nullptr;
    }
  }

  // `hash` must not be in the table.
  void Insert(const NameHash& hash, const Route& route);

  void Clear();

  size_t size() const { return size_; }
  size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    NameHash hash;
    Route route{.replica_count = 0};  // 0: empty
  };
  static_assert(sizeof(Slot) == 32, "two slots share a cache line");

  void Grow();
  void Place(const Slot& slot);

  std::vector<Slot> slots_;  // a power of two
  size_t mask_ = 0;
  size_t size_ = 0;
};

}  // namespace plumbago::relay
