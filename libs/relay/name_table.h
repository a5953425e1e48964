// The series of one batch stream: dense ids to tenant and metric, append-only.
//
// One thread appends. Other threads may read an id once its batch has reached them through a queue
// (which orders the memory accesses): entries never move and never change. Bounded: 16 M series.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"

namespace plumbago::relay {

struct SeriesName {
  absl::string_view tenant;
  absl::string_view metric;
};

class NameTable {
 public:
  static constexpr uint32_t kSeriesMax = 4096u * 4096u;

  NameTable() = default;
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;

  // `tenant` must outlive the table; `metric` is copied. Returns the id: 0, 1, 2, ...
  // At most kSeriesMax times.
  uint32_t Append(absl::string_view tenant, absl::string_view metric);

  SeriesName Get(uint32_t id) const;

  uint32_t series_count() const { return series_count_; }
  size_t memory_bytes() const { return memory_bytes_; }

 private:
  static constexpr size_t kChunkEntries = 4096;
  static constexpr size_t kArenaBlockBytes = 64 << 10;

  const char* Store(absl::string_view metric);

  std::array<std::unique_ptr<SeriesName[]>, kSeriesMax / kChunkEntries> chunks_;
  uint32_t series_count_ = 0;
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t block_used_bytes_ = kArenaBlockBytes;
  size_t memory_bytes_ = 0;
};

}  // namespace plumbago::relay
