// How many connections the relay has: in total, of each source address, of each tenant.
//
// A place is given back by its destructor. Thread-safe; places must not outlive the limits.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/mutex.h"

namespace plumbago::relay {

struct ConnectionMaxima {
  size_t total = 20'000;
  size_t per_source = 0;  // 0: no limit
  size_t per_tenant = 0;
};

class ConnectionLimits {
 public:
  enum class Kind : uint8_t { kTotal, kSource, kTenant };

  class Place {
   public:
    Place(ConnectionLimits& limits, Kind kind, std::string name)
        : limits_(&limits), kind_(kind), name_(std::move(name)) {}
    Place(Place&& other) noexcept
        : limits_(std::exchange(other.limits_, nullptr)),
          kind_(other.kind_),
          name_(std::move(other.name_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (limits_ != nullptr) limits_->GiveBack(kind_, name_);
    }

   private:
    ConnectionLimits* limits_;
    const Kind kind_;
    std::string name_;
  };

  explicit ConnectionLimits(const ConnectionMaxima& maxima) : maxima_(maxima) {}

  // Nothing where the limit is reached. `name`: the address or tenant; of no meaning for kTotal.
  // `own_maximum` stands over the general one, for a tenant that has its own; 0 is no limit.
  std::optional<Place> Take(Kind kind, const std::string& name,
                            std::optional<uint64_t> own_maximum = std::nullopt) {
    const uint64_t maximum = own_maximum.value_or(MaximumOf(kind));
    base::MutexLock lock(mutex_);
    size_t& count = counts_[{static_cast<int>(kind), name}];
    if (maximum > 0 && count >= maximum) return std::nullopt;
    ++count;
    return std::optional<Place>(std::in_place, *this, kind, name);
  }

 private:
  size_t MaximumOf(Kind kind) const {
    switch (kind) {
      case Kind::kTotal:
        return maxima_.total;
      case Kind::kSource:
        return maxima_.per_source;
      case Kind::kTenant:
        break;
    }
    return maxima_.per_tenant;
  }

  void GiveBack(Kind kind, const std::string& name) {
    base::MutexLock lock(mutex_);
    const auto found = counts_.find({static_cast<int>(kind), name});
    if (--found->second == 0) counts_.erase(found);
  }

  const ConnectionMaxima maxima_;
  base::Mutex mutex_;
  absl::flat_hash_map<std::pair<int, std::string>, size_t> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::relay
