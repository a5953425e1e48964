#include "time_zones.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace plumbago::query {
namespace {

// Names of files below the zone directory; nothing that could lead elsewhere.
bool IsZoneName(const std::string& name) {
  const auto is_allowed = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("_-+/").find(c) != absl::string_view::npos;
  };
  return !name.empty() && name.size() <= 64 && name[0] != '/' &&
         std::all_of(name.begin(), name.end(), is_allowed);
}

}  // namespace

absl::TimeZone TimeZones::Find(const std::string& name) {
  if (!IsZoneName(name)) return absl::UTCTimeZone();
  {
    base::MutexLock lock(mutex_);
    const auto entry = zones_.find(name);
    if (entry != zones_.end()) return entry->second;
    if (zones_.size() >= kNamesMax) return absl::UTCTimeZone();
  }
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(name, &zone)) zone = absl::UTCTimeZone();
  base::MutexLock lock(mutex_);
  zones_.emplace(name, zone);
  return zone;
}

}  // namespace plumbago::query
