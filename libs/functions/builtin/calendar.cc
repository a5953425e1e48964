#include "functions/builtin/calendar.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::functions {
namespace {

using Kind = CalendarUnit::Kind;

absl::CivilDay StartOfWeek(absl::CivilDay day, int first_weekday) {
  const int weekday = static_cast<int>(absl::GetWeekday(day)) + 1;  // 1: Monday
  return day - (weekday - first_weekday + 7) % 7;
}

}  // namespace

absl::StatusOr<CalendarUnit> ParseCalendarUnit(absl::string_view text) {
  std::string unit = absl::AsciiStrToLower(text);
  CalendarUnit result;
  if (!unit.empty() && unit.back() >= '1' && unit.back() <= '7') {
    result.first_weekday = unit.back() - '0';
    unit.pop_back();
    if (!absl::StartsWith(unit, "w")) unit.clear();
  }
  if (absl::StartsWith(unit, "s")) {
    result.kind = Kind::kSecond;
  } else if (absl::StartsWith(unit, "min")) {
    result.kind = Kind::kMinute;
  } else if (absl::StartsWith(unit, "h")) {
    result.kind = Kind::kHour;
  } else if (absl::StartsWith(unit, "d")) {
    result.kind = Kind::kDay;
  } else if (absl::StartsWith(unit, "w")) {
    result.kind = Kind::kWeek;
  } else if (absl::StartsWith(unit, "mon")) {
    result.kind = Kind::kMonth;
  } else if (absl::StartsWith(unit, "y")) {
    result.kind = Kind::kYear;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("unit \"", base::Excerpt(text),
                     "\": use seconds, minutes, hours, days, weeks (weeks1 to weeks7: beginning on "
                     "that day, 1 being Monday), months or years"));
  }
  return result;
}

int64_t StartOf(CalendarUnit unit, int64_t time, absl::TimeZone zone) {
  const absl::CivilSecond civil = absl::ToCivilSecond(absl::FromUnixSeconds(time), zone);
  absl::CivilSecond start = civil;
  switch (unit.kind) {
    case Kind::kSecond:
      return time;
    case Kind::kMinute:
      start = absl::CivilSecond(absl::CivilMinute(civil));
      break;
    case Kind::kHour:
      start = absl::CivilSecond(absl::CivilHour(civil));
      break;
    case Kind::kDay:
      start = absl::CivilSecond(absl::CivilDay(civil));
      break;
    case Kind::kWeek:
      start = absl::CivilSecond(StartOfWeek(absl::CivilDay(civil), unit.first_weekday));
      break;
    case Kind::kMonth:
      start = absl::CivilSecond(absl::CivilMonth(civil));
      break;
    case Kind::kYear:
      start = absl::CivilSecond(absl::CivilYear(civil));
      break;
  }
  return absl::ToUnixSeconds(absl::FromCivil(start, zone));
}

}  // namespace plumbago::functions
