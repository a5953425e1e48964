// Time zones by name, as the parameter tz gives them.
//
// The library keeps every name it was ever asked for, also wrong ones, so what clients may ask is
// bounded here. Thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace plumbago::query {

class TimeZones {
 public:
  // UTC where the name is not one of a zone, as Graphite does.
  absl::TimeZone Find(const std::string& name);

 private:
  static constexpr size_t kNamesMax = 2000;
  base::Mutex mutex_;
  absl::flat_hash_map<std::string, absl::TimeZone> zones_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::query
