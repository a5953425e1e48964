// The tagged series of one tenant.
//
// Not thread-safe; reading is safe while nobody writes.
#pragma once

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "index/series_info.h"

namespace plumbago::index::internal {

class TagIndex {
 public:
  // False where it is there already, or is not there: then nothing changes.
  bool Add(absl::string_view metric, const SeriesInfo& info = {});
  bool Remove(absl::string_view metric);
  bool Update(absl::string_view metric, const SeriesInfo& info);
  std::optional<SeriesInfo> Get(absl::string_view metric) const;
  bool Contains(absl::string_view metric) const { return series_.contains(metric); }

  // Of all: O(1), unless removals left the time of the last update unknown, until Settle.
  Usage TotalUsage() const;
  bool is_settled() const { return is_settled_; }
  void Settle();

 private:
  void AddToTotal(const SeriesInfo& info);
  void SubtractFromTotal(const SeriesInfo& info);
  uint32_t LastUpdate() const;

  absl::flat_hash_map<std::string, SeriesInfo> series_;
  Usage total_;  // the time is an upper bound while not settled
  bool is_settled_ = true;
};

}  // namespace plumbago::index::internal
