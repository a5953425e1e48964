// Timestamps of every protocol, turned into the whole seconds that a point has. Pure, thread-safe.
#pragma once

#include <cstdint>

#include "protocols/point_sink.h"

namespace plumbago::protocols {

// Fractions are cut; a value that is -1 without its fraction means `now_seconds`, as in carbon.
// kNone, kBadTimestamp (NaN) or kTimeOutOfRange (not within 1 .. 2^32-1).
RefusalReason TimeFromSeconds(double seconds, uint32_t now_seconds, uint32_t* time_seconds);

// As above, and a value above 2^32-1 is in milliseconds: the rule of OpenTSDB, whose timestamps
// have either unit (net.opentsdb.core.Const.SECOND_MASK).
RefusalReason TimeFromSecondsOrMillis(double timestamp, uint32_t now_seconds,
                                      uint32_t* time_seconds);

// Never means now. kNone, kBadTimestamp or kTimeOutOfRange.
RefusalReason TimeFromMillis(double milliseconds, uint32_t* time_seconds);

}  // namespace plumbago::protocols
