// The series that the store has refused lately, by name, for operators: the last kSeriesMax of
// them. Thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "cache/flush_batch.h"

namespace plumbago::cache {

class RefusalList {
 public:
  static constexpr size_t kSeriesMax = 1000;

  struct Entry {
    std::string tenant;
    std::string metric;
    RefusedSeries refusal;  // the last one, but with the points of all
    uint64_t count = 0;     // of refusals
    absl::Time last_at;
  };

  // A series that is in the list moves to its end.
  void Add(absl::string_view tenant, absl::string_view metric, const RefusedSeries& refusal,
           absl::Time now);

  // The latest first.
  std::vector<Entry> Get() const;

 private:
  using Name = std::pair<std::string, std::string>;

  mutable base::Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // the latest first
  absl::flat_hash_map<Name, std::list<Entry>::iterator> by_name_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::cache
