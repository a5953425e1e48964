#include "relay/series_table.h"

#include <utility>

#include "base/hash.h"

namespace plumbago::relay {
namespace {

constexpr size_t kInitialSlots = 1024;

}  // namespace

NameHash HashName(absl::string_view metric, uint64_t seed) {
  const base::Hash128Value hash = base::Hash128(metric, seed);
  return {hash.low, hash.high};
}

SeriesTable::SeriesTable() { Clear(); }

void SeriesTable::Insert(const NameHash& hash, const Route& route) {
  if ((size_ + 1) * 4 > slots_.size() * 3) Grow();
  Place({hash, route});
  ++size_;
}

void SeriesTable::Clear() {
  slots_.assign(kInitialSlots, Slot{});
  slots_.shrink_to_fit();
  mask_ = kInitialSlots - 1;
  size_ = 0;
}

void SeriesTable::Grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.route.replica_count != 0) Place(slot);
  }
}

void SeriesTable::Place(const Slot& slot) {
  size_t i = slot.hash.low & mask_;
  while (slots_[i].route.replica_count != 0) i = (i + 1) & mask_;
  slots_[i] = slot;
}

}  // namespace plumbago::relay
