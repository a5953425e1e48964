#include "relay/series_table.h"

#include <cstring>
#include <utility>

namespace plumbago::relay {
namespace {

constexpr size_t kInitialSlots = 1024;
constexpr size_t kInitialRecords = 512;

}  // namespace

SeriesTable::SeriesTable() { Clear(); }

void SeriesTable::Clear() {
  size_ = 0;
  record_capacity_ = kInitialRecords;
  record_memory_ = base::HugeBuffer(kInitialRecords * sizeof(Record));
  records_ = static_cast<Record*>(record_memory_.data());
  AllocateSlots(kInitialSlots);
}

void SeriesTable::Insert(const NameHash& hash, const Route& route) {
  if (size_ == record_capacity_) GrowRecords();
  if ((size_ + 1) * 4 > (mask_ + 1) * 3) GrowSlots();
  records_[size_] = {hash, route};
  Place(static_cast<uint32_t>(size_++));
}

void SeriesTable::GrowRecords() {
  record_capacity_ *= 2;
  base::HugeBuffer grown(record_capacity_ * sizeof(Record));
  std::memcpy(grown.data(), records_, size_ * sizeof(Record));
  record_memory_ = std::move(grown);
  records_ = static_cast<Record*>(record_memory_.data());
}

void SeriesTable::GrowSlots() {
  AllocateSlots((mask_ + 1) * 2);
  for (size_t i = 0; i < size_; ++i) Place(static_cast<uint32_t>(i));
}

void SeriesTable::AllocateSlots(size_t slot_count) {
  slot_memory_ = base::HugeBuffer(slot_count * sizeof(Slot));
  slots_ = static_cast<Slot*>(slot_memory_.data());
  mask_ = slot_count - 1;
}

void SeriesTable::Place(uint32_t number) {
  const NameHash& hash = records_[number].hash;
  size_t i = hash.low & mask_;
  while (slots_[i].tag != 0) i = (i + 1) & mask_;
  slots_[i] = {.tag = TagOf(hash), .number = number};
}

}  // namespace plumbago::relay
