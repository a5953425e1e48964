// From a name on the wire to where its points go: a hash table for one reactor.
//
// A name is known by the 128-bit XXH3 of its bytes under a random seed of this process, so a
// look-up compares no text; two names meet with probability 2^-128 and nobody outside can construct
// such a pair without the seed.
//
// The series have numbers in the order in which they were learnt, and lie in memory in that order.
// A sender sends its series in the same order each time, so the next name is mostly the next
// number: FindNext tries that first, and a million series are then read as one stream instead of a
// million cache and TLB misses. Any other name is found by an open-addressing table of 8 bytes a
// slot. Both are on huge pages. For one thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/hash.h"
#include "base/huge_buffer.h"

namespace plumbago::relay {

struct NameHash {
  uint64_t low = 0;
  uint64_t high = 0;
};

// The hash of a metric as received. `seed` differs per router and process.
inline NameHash HashName(absl::string_view metric, uint64_t seed) {
  const base::Hash128Value hash = base::Hash128(metric, seed);
  return {hash.low, hash.high};
}

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

  // Whether `hash` is the series with this number, which may be any.
  bool IsNumber(uint32_t number, const NameHash& hash) const {
    if (number >= size_) return false;
    const NameHash& found = records_[number].hash;
    return found.low == hash.low && found.high == hash.high;
  }

  // Fetch what Find will read into the cache, the second after the first.
  void PrefetchSlot(const NameHash& hash) const { __builtin_prefetch(&slots_[hash.low & mask_]); }
  void PrefetchRecord(const NameHash& hash) const {
    const Slot slot = slots_[hash.low & mask_];
    if (slot.tag == TagOf(hash)) __builtin_prefetch(&records_[slot.number]);
  }

  // Null where the name is unknown. Valid until the next Insert or Clear.
  const Route* Find(const NameHash& hash) const {
    const uint32_t number = NumberOf(hash);
    return number == kNoNumber ? nullptr : &records_[number].route;
  }
  // The same, at once where the series is number `*next`. Sets it to the one behind what is found.
  const Route* FindNext(const NameHash& hash, uint32_t* next) const {
    const uint32_t number = IsNumber(*next, hash) ? *next : NumberOf(hash);
    if (number == kNoNumber) return nullptr;
    *next = number + 1;
    return &records_[number].route;
  }

  // `hash` must not be in the table.
  void Insert(const NameHash& hash, const Route& route);

  void Clear();

  size_t size() const { return size_; }
  size_t memory_bytes() const { return record_memory_.size_bytes() + slot_memory_.size_bytes(); }

 private:
  static constexpr uint32_t kNoNumber = UINT32_MAX;

  struct Record {
    NameHash hash;
    Route route;
  };
  static_assert(sizeof(Record) == 32, "two records share a cache line");
  struct Slot {
    uint32_t tag;     // of the hash; 0: empty, as in fresh memory
    uint32_t number;  // of the record
  };

  // Of bits that do not choose the slot.
  static uint32_t TagOf(const NameHash& hash) { return static_cast<uint32_t>(hash.high) | 1; }

  uint32_t NumberOf(const NameHash& hash) const {
    for (size_t i = hash.low & mask_;; i = (i + 1) & mask_) {
      const Slot slot = slots_[i];
      if (slot.tag == 0) return kNoNumber;
      if (slot.tag == TagOf(hash) && IsNumber(slot.number, hash)) return slot.number;
    }
  }

  void GrowRecords();
  void GrowSlots();
  void AllocateSlots(size_t slot_count);
  void Place(uint32_t number);

  base::HugeBuffer record_memory_;
  Record* records_ = nullptr;  // size_ of them, in the order of Insert
  size_t record_capacity_ = 0;
  size_t size_ = 0;
  base::HugeBuffer slot_memory_;
  Slot* slots_ = nullptr;
  size_t mask_ = 0;  // their number, a power of two, less one
};

}  // namespace plumbago::relay
