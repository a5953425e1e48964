#include "relay/name_table.h"

#include <cstring>

#include "base/check.h"
#include "metric/metric_name.h"

namespace plumbago::relay {

uint32_t NameTable::Append(absl::string_view tenant, absl::string_view metric) {
  PLUMBAGO_CHECK(series_count_ < kSeriesMax);
  const uint32_t id = series_count_;
  auto& chunk = chunks_[id / kChunkEntries];
  if (chunk == nullptr) {
    chunk = std::make_unique<SeriesName[]>(kChunkEntries);
    memory_bytes_ += kChunkEntries * sizeof(SeriesName);
  }
  chunk[id % kChunkEntries] = {tenant, absl::string_view(Store(metric), metric.size())};
  ++series_count_;
  return id;
}

SeriesName NameTable::Get(uint32_t id) const {
  return chunks_[id / kChunkEntries][id % kChunkEntries];
}

const char* NameTable::Store(absl::string_view metric) {
  static_assert(metric::kMetricBytesMax <= kArenaBlockBytes);
  if (block_used_bytes_ + metric.size() > kArenaBlockBytes) {
    blocks_.push_back(std::make_unique<char[]>(kArenaBlockBytes));
    memory_bytes_ += kArenaBlockBytes;
    block_used_bytes_ = 0;
  }
  char* const place = blocks_.back().get() + block_used_bytes_;
  std::memcpy(place, metric.data(), metric.size());
  block_used_bytes_ += metric.size();
  return place;
}

}  // namespace plumbago::relay
