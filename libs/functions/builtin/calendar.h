// Beginnings of hours, days, weeks, months and years in a time zone.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace plumbago::functions {

struct CalendarUnit {
  enum class Kind { kSecond, kMinute, kHour, kDay, kWeek, kMonth, kYear };
  Kind kind = Kind::kSecond;
  int first_weekday = 1;  // of a week: 1 is Monday, 7 Sunday
};

// By prefix, as units of attime.h: "hours", "day", "mon", "weeks7".
absl::StatusOr<CalendarUnit> ParseCalendarUnit(absl::string_view text);

// The last beginning of a unit at or before `time`, in Unix seconds.
int64_t StartOf(CalendarUnit unit, int64_t time, absl::TimeZone zone);

}  // namespace plumbago::functions
