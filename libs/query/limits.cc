#include "query/limits.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace plumbago::query {
namespace {

// So large that nothing reaches it, and so small that sums of a few do not overflow.
constexpr uint64_t kNoLimit = uint64_t{1} << 40;
constexpr uint64_t kSecondsMax = 3600;

template <typename Number>
Number Bounded(uint64_t own, uint64_t no_limit) {
  const uint64_t number = own == 0 ? no_limit : std::min(own, no_limit);
  return static_cast<Number>(number);
}

// The option of the command that changes it.
std::string NameOf(const std::string& tenant, const char* option) {
  return absl::StrCat("plumbagoctl tenant update ", tenant, " ", option);
}

}  // namespace

Limits LimitsOfTenant(const Limits& defaults, const std::string& tenant, const v1::Limits& own) {
  Limits limits = defaults;
  if (own.has_targets_per_query()) {
    limits.targets_max = Bounded<size_t>(own.targets_per_query(), kNoLimit);
    limits.targets_name = NameOf(tenant, "--targets-per-query");
  }
  if (own.has_series_per_query()) {
    limits.series_max = Bounded<size_t>(own.series_per_query(), kNoLimit);
    limits.series_name = NameOf(tenant, "--series-per-query");
  }
  if (own.has_points_per_query()) {
    limits.points_max = Bounded<int64_t>(own.points_per_query(), kNoLimit);
    limits.points_name = NameOf(tenant, "--points-per-query");
  }
  if (own.has_memory_bytes_per_query()) {
    limits.memory_bytes_max = Bounded<size_t>(own.memory_bytes_per_query(), kNoLimit);
    limits.memory_name = NameOf(tenant, "--memory-bytes-per-query");
  }
  if (own.has_seconds_per_query()) {
    limits.request_timeout = absl::Seconds(Bounded<int64_t>(own.seconds_per_query(), kSecondsMax));
    limits.time_name = NameOf(tenant, "--seconds-per-query");
  }
  return limits;
}

}  // namespace plumbago::query
