#include "protocols/timestamp.h"

#include <cmath>
#include <limits>

namespace plumbago::protocols {
namespace {

constexpr uint32_t kSecondsMax = std::numeric_limits<uint32_t>::max();

RefusalReason FromWhole(double seconds, uint32_t* time_seconds) {
  if (std::isnan(seconds)) return RefusalReason::kBadTimestamp;
  if (!(seconds >= 1 && seconds <= kSecondsMax)) return RefusalReason::kTimeOutOfRange;
  *time_seconds = static_cast<uint32_t>(seconds);
  return RefusalReason::kNone;
}

}  // namespace

RefusalReason TimeFromSeconds(double seconds, uint32_t now_seconds, uint32_t* time_seconds) {
  if (std::trunc(seconds) == -1) {
    *time_seconds = now_seconds;
    return RefusalReason::kNone;
  }
  return FromWhole(std::trunc(seconds), time_seconds);
}

RefusalReason TimeFromSecondsOrMillis(double timestamp, uint32_t now_seconds,
                                      uint32_t* time_seconds) {
  if (std::trunc(timestamp) > kSecondsMax) return TimeFromMillis(timestamp, time_seconds);
  return TimeFromSeconds(timestamp, now_seconds, time_seconds);
}

RefusalReason TimeFromMillis(double milliseconds, uint32_t* time_seconds) {
  return FromWhole(std::trunc(milliseconds / 1000), time_seconds);
}

}  // namespace plumbago::protocols
