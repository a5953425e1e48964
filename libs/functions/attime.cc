#include "functions/attime.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace plumbago::functions {
namespace {

constexpr int64_t kOffsetSecondsMax = int64_t{400} * 366 * 86400;
constexpr absl::string_view kAllowedTimes =
    "use an epoch (1700000000), an offset (-24h, now-7d; units s, min, h, d, w, mon, y), or a day "
    "(today, yesterday, monday, 20240131, 01/31/24, jan31) with an optional time before it (12:34, "
    "4pm, noon, midnight, teatime)";
constexpr absl::string_view kAllowedOffsets =
    "use digits and a unit of s, min, h, d, w, mon or y, such as 30s, -5min or 1d12h";

bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// The number in `text` if it is nothing but up to nine digits.
bool SmallNumber(absl::string_view text, int* number) {
  return AllDigits(text) && text.size() <= 9 && absl::SimpleAtoi(text, number);
}

absl::Status BadOffset(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("time offset \"", base::Excerpt(text), "\": ", kAllowedOffsets));
}

// Seconds of a unit by its prefix; 0 where there is none.
int64_t UnitSeconds(absl::string_view unit) {
  if (absl::StartsWith(unit, "s")) return 1;
  if (absl::StartsWith(unit, "min") || unit == "m") return 60;
  if (absl::StartsWith(unit, "h")) return 3600;
  if (absl::StartsWith(unit, "d")) return 86400;
  if (absl::StartsWith(unit, "w")) return 7 * 86400;
  if (absl::StartsWith(unit, "mon")) return 30 * 86400;
  if (absl::StartsWith(unit, "y")) return 365 * 86400;
  return 0;
}

// A day and a time of day, from the text before the offset.
class Reference {
 public:
  // `whole` is the text as it was given, for messages.
  Reference(absl::string_view reference, absl::string_view whole, int64_t now, absl::TimeZone zone)
      : rest_(reference), text_(whole), now_(now), zone_(zone) {}

  absl::StatusOr<int64_t> Parse() {
    if (rest_.empty() || rest_ == "now") return now_;
    today_ = absl::ToCivilDay(absl::FromUnixSeconds(now_), zone_);
    PLUMBAGO_RETURN_IF_ERROR(TakeTimeOfDay());
    PLUMBAGO_ASSIGN_OR_RETURN(const absl::CivilDay day, Day());
    const absl::CivilMinute minute = absl::CivilMinute(day) + hour_ * 60 + minute_;
    return absl::ToUnixSeconds(absl::FromCivil(minute, zone_));
  }

 private:
  absl::Status TakeTimeOfDay() {
    const size_t colon = rest_.find(':');
    if (colon != absl::string_view::npos && colon > 0 && colon < 3) {
      if (!SmallNumber(rest_.substr(0, colon), &hour_) ||
          !SmallNumber(rest_.substr(colon + 1, 2), &minute_)) {
        return Bad();
      }
      rest_.remove_prefix(std::min(colon + 3, rest_.size()));
      if (absl::ConsumePrefix(&rest_, "pm")) {
        hour_ = (hour_ + 12) % 24;
      } else {
        absl::ConsumePrefix(&rest_, "am");
      }
    }
    PLUMBAGO_RETURN_IF_ERROR(TakeHour("am", 0));
    PLUMBAGO_RETURN_IF_ERROR(TakeHour("pm", 12));
    TakeNamedTime();
    return hour_ > 23 || minute_ > 59 ? Bad() : absl::OkStatus();
  }

  // "8am": graphite-web adds 12 to a pm hour modulo 24, so that 12pm is midnight.
  absl::Status TakeHour(absl::string_view suffix, int add) {
    const size_t at = rest_.find(suffix);
    if (at == absl::string_view::npos || at == 0 || at > 2) return absl::OkStatus();
    if (!SmallNumber(rest_.substr(0, at), &hour_)) return absl::OkStatus();  // part of a word
    hour_ = add == 0 ? hour_ : (hour_ + add) % 24;
    rest_.remove_prefix(at + 2);
    return absl::OkStatus();
  }

  void TakeNamedTime() {
    const auto set = [this](int hour) {
      hour_ = hour;
      minute_ = 0;
    };
    if (absl::ConsumePrefix(&rest_, "noon"))
      set(12);
    else if (absl::ConsumePrefix(&rest_, "midnight"))
      set(0);
    else if (absl::ConsumePrefix(&rest_, "teatime"))
      set(16);
  }

  absl::StatusOr<absl::CivilDay> Day() const {
    if (rest_.empty() || rest_ == "today") return today_;
    if (rest_ == "yesterday") return today_ - 1;
    if (rest_ == "tomorrow") return today_ + 1;
    const std::vector<absl::string_view> parts = absl::StrSplit(rest_, '/');
    if (parts.size() == 3) return SlashedDay(parts);
    if (rest_.size() == 8 && AllDigits(rest_)) {
      int year = 0;
      int month = 0;
      int day = 0;
      SmallNumber(rest_.substr(0, 4), &year);
      SmallNumber(rest_.substr(4, 2), &month);
      SmallNumber(rest_.substr(6, 2), &day);
      return Checked(year, month, day);
    }
    return NamedDay();
  }

  // MM/DD/YY or MM/DD/YYYY.
  absl::StatusOr<absl::CivilDay> SlashedDay(const std::vector<absl::string_view>& parts) const {
    int month = 0;
    int day = 0;
    int year = 0;
    if (!SmallNumber(parts[0], &month) || !SmallNumber(parts[1], &day) ||
        !SmallNumber(parts[2], &year)) {
      return Bad();
    }
    if (year < 1900) year += 1900;
    if (year < 1970) year += 100;
    return Checked(year, month, day);
  }

  absl::StatusOr<absl::CivilDay> NamedDay() const {
    static constexpr std::array<absl::string_view, 12> kMonths = {
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
    static constexpr std::array<absl::string_view, 7> kDays = {"mon", "tue", "wed", "thu",
                                                               "fri", "sat", "sun"};
    const absl::string_view word = rest_.substr(0, 3);
    const auto month = std::find(kMonths.begin(), kMonths.end(), word);
    if (month != kMonths.end()) {
      int day = 0;
      if (!SmallNumber(rest_.substr(rest_.size() - 2), &day) &&
          !SmallNumber(rest_.substr(rest_.size() - 1), &day)) {
        return absl::InvalidArgumentError(absl::StrCat("time \"", base::Excerpt(text_),
                                                       "\": a day of the month is required after "
                                                       "the name of the month, such as jan31"));
      }
      return Checked(today_.year(), static_cast<int>(month - kMonths.begin()) + 1, day);
    }
    const auto weekday = std::find(kDays.begin(), kDays.end(), word);
    if (weekday == kDays.end()) return Bad();
    const int today = static_cast<int>(absl::GetWeekday(today_));  // 0: Monday
    const int wanted = static_cast<int>(weekday - kDays.begin());
    return today_ - (today - wanted + 7) % 7;
  }

  absl::StatusOr<absl::CivilDay> Checked(int64_t year, int month, int day) const {
    const absl::CivilDay civil(year, month, day);  // normalises what is out of range
    if (civil.year() != year || civil.month() != month || civil.day() != day || year > 9999) {
      return absl::InvalidArgumentError(
          absl::StrCat("time \"", base::Excerpt(text_), "\": there is no such day"));
    }
    return civil;
  }

  absl::Status Bad() const {
    return absl::InvalidArgumentError(
        absl::StrCat("time \"", base::Excerpt(text_), "\": ", kAllowedTimes));
  }

  absl::string_view rest_;
  const absl::string_view text_;
  const int64_t now_;
  const absl::TimeZone zone_;
  absl::CivilDay today_;
  int hour_ = 0;
  int minute_ = 0;
};

std::string Normalise(absl::string_view text) {
  std::string result;
  for (const char c : absl::StripAsciiWhitespace(text)) {
    if (c == '_' || c == ',' || c == ' ') continue;
    result += absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  return result;
}

// Eight digits are a day where they can be one.
bool IsDate(absl::string_view digits) {
  int year = 0;
  int month = 0;
  int day = 0;
  return digits.size() == 8 && SmallNumber(digits.substr(0, 4), &year) &&
         SmallNumber(digits.substr(4, 2), &month) && SmallNumber(digits.substr(6, 2), &day) &&
         year > 1900 && month < 13 && day < 32;
}

}  // namespace

absl::StatusOr<int64_t> ParseAtTime(absl::string_view text, int64_t now, absl::TimeZone zone) {
  const std::string normal = Normalise(text);
  if (AllDigits(normal) && !IsDate(normal)) {
    int64_t epoch = 0;
    if (!absl::SimpleAtoi(normal, &epoch) || epoch > int64_t{253402300799}) {
      return absl::InvalidArgumentError(absl::StrCat("time \"", base::Excerpt(text),
                                                     "\" is too far away; use seconds since 1970"));
    }
    return epoch;
  }
  size_t split = normal.find('+');
  if (split == std::string::npos) split = normal.find('-');
  const absl::string_view view = normal;
  const absl::string_view reference = view.substr(0, split);
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t base, Reference(reference, text, now, zone).Parse());
  if (split == std::string::npos) return base;
  auto offset = ParseTimeOffset(view.substr(split));
  if (!offset.ok()) {
    return base::Annotate(offset.status(), absl::StrCat("time \"", base::Excerpt(text), "\""));
  }
  return base + *offset;
}

absl::StatusOr<int64_t> ParseTimeOffset(absl::string_view text) {
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  const bool is_negative = absl::StartsWith(rest, "-");
  if (is_negative || absl::StartsWith(rest, "+")) rest.remove_prefix(1);
  if (rest.empty()) return BadOffset(text);
  int64_t seconds = 0;
  while (!rest.empty()) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const size_t digits = std::find_if_not(rest.begin(), rest.end(), is_digit) - rest.begin();
    int count = 0;
    if (!SmallNumber(rest.substr(0, digits), &count)) return BadOffset(text);
    rest.remove_prefix(digits);
    const auto is_letter = [](char c) {
      return absl::ascii_isalpha(static_cast<unsigned char>(c));
    };
    const size_t letters = std::find_if_not(rest.begin(), rest.end(), is_letter) - rest.begin();
    const std::string unit = absl::AsciiStrToLower(rest.substr(0, letters));
    const int64_t unit_seconds = UnitSeconds(unit);
    if (unit_seconds == 0) return BadOffset(text);
    rest.remove_prefix(letters);
    seconds += count * unit_seconds;
    if (seconds > kOffsetSecondsMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("time offset \"", base::Excerpt(text), "\" is longer than 400 years"));
    }
  }
  return is_negative ? -seconds : seconds;
}

absl::StatusOr<int64_t> ParseInterval(absl::string_view text) {
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t seconds, ParseTimeOffset(text));
  if (seconds < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("interval \"", base::Excerpt(text), "\" must be at least 1s"));
  }
  return seconds;
}

}  // namespace plumbago::functions
