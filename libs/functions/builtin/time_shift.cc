// Functions that show other times: timeShift, timeStack and timeSlice.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "base/status.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"

namespace plumbago::functions {
namespace {

constexpr int64_t kStackMax = 1000;  // copies that timeStack shows

// Shifts go back in time unless they say otherwise.
std::string SignedShift(const std::string& text) {
  const bool is_unsigned =
      !text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text[0]));
  return absl::StrCat(is_unsigned ? "-" : "", text);
}

enum class Season { kSummer, kWinter, kMixed };

Season SeasonOf(const TimeRange& range, absl::TimeZone zone) {
  const bool from = zone.At(absl::FromUnixSeconds(range.from)).is_dst;
  const bool until = zone.At(absl::FromUnixSeconds(range.until)).is_dst;
  if (from != until) return Season::kMixed;
  return from ? Season::kSummer : Season::kWinter;
}

// Keeps the time of day where one range lies in summer time and the other in winter time.
int64_t SeasonCorrection(Season requested, Season shifted) {
  if (requested == Season::kSummer && shifted == Season::kWinter) return 3600;
  if (requested == Season::kWinter && shifted == Season::kSummer) return -3600;
  return 0;
}

// The range itself, for the times of the answer, and the shifted one, for its values.
absl::StatusOr<std::vector<TimeRange>> ShiftWindows(WindowQuestion& question) {
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t shift,
                            ParseTimeOffset(SignedShift(question.arguments().String("timeShift"))));
  const TimeRange& range = question.range();
  TimeRange shifted{range.from + shift, range.until + shift};
  if (question.arguments().Boolean("alignDst")) {
    const absl::TimeZone zone = question.context().zone;
    const int64_t correction = SeasonCorrection(SeasonOf(range, zone), SeasonOf(shifted, zone));
    shifted.from += correction;
    shifted.until += correction;
  }
  return std::vector<TimeRange>{range, shifted};
}

// Data that ends before the times do, as that of the future does, ends in nulls. A constant line
// has one value more than its times say, and keeps it.
absl::Status FitValues(Call& call, Series& series) {
  const int64_t count = (series.end - series.start + series.step - 1) / series.step;
  const auto wanted = static_cast<size_t>(std::max<int64_t>(count, 0));
  if (wanted <= series.values.size()) return absl::OkStatus();
  PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints(count));
  series.values.Mutable().resize(wanted, kNull);
  return absl::OkStatus();
}

absl::StatusOr<SeriesList> EvaluateShift(Call& call) {
  const SeriesList& original = call.series(0);
  if (original.empty()) return SeriesList{};
  const bool is_end_reset = call.arguments().Boolean("resetEnd");
  const std::string shift = SignedShift(call.arguments().String("timeShift"));
  for (Series& series : call.series(1)) {
    series.tags.Set("timeShift", shift);
    series.name = absl::StrCat("timeShift(", series.name, ", \"", shift, "\")");
    series.end =
        is_end_reset ? original.front().end : series.end - series.start + original.front().start;
    series.start = original.front().start;
    PLUMBAGO_RETURN_IF_ERROR(FitValues(call, series));
  }
  return std::move(call.series(1));
}

// The range itself, then one for every copy.
absl::StatusOr<std::vector<TimeRange>> StackWindows(WindowQuestion& question) {
  const Arguments& arguments = question.arguments();
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t shift,
                            ParseTimeOffset(SignedShift(arguments.String("timeShiftUnit"))));
  const int64_t first = arguments.Integer("timeShiftStart");
  const int64_t last = arguments.Integer("timeShiftEnd");
  constexpr int64_t kPositionMax = 1'000'000;
  if (std::min(first, last) < -kPositionMax || std::max(first, last) > kPositionMax ||
      last > first + kStackMax) {
    return absl::InvalidArgumentError(absl::StrCat("timeStack(): ", first, " to ", last,
                                                   " is more than ", kStackMax,
                                                   " copies, or too far away"));
  }
  const TimeRange& range = question.range();
  std::vector<TimeRange> windows = {range};
  for (int64_t i = first; i < last; ++i) {
    windows.push_back({range.from + i * shift, range.until + i * shift});
  }
  return windows;
}

absl::StatusOr<SeriesList> EvaluateStack(Call& call) {
  if (call.series(0).empty()) return SeriesList{};
  const Series& original = call.series(0).front();
  const std::string unit = SignedShift(call.arguments().String("timeShiftUnit"));
  int64_t position = call.arguments().Integer("timeShiftStart");
  SeriesList results;
  for (size_t window = 1; window < call.window_count(); ++window, ++position) {
    for (Series& series : call.series(window)) {
      series.tags.Set("timeShiftUnit", unit);
      series.tags.Set("timeShift", absl::StrCat(position));
      series.RenameTo(absl::StrCat("timeShift(", series.name, ", ", unit, ", ", position, ")"));
      series.start = original.start;
      series.end = original.end;
      PLUMBAGO_RETURN_IF_ERROR(FitValues(call, series));
      results.push_back(std::move(series));
    }
  }
  return results;
}

absl::StatusOr<SeriesList> EvaluateSlice(Call& call) {
  const EvaluationContext& context = call.context();
  const auto time = [&](const char* parameter) {
    return ParseAtTime(call.arguments().String(parameter), context.now, context.zone);
  };
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t first, time("startSliceAt"));
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t last, time("endSliceAt"));
  for (Series& series : call.series()) {
    series.tags.Set("timeSliceStart", absl::StrCat(first));
    series.tags.Set("timeSliceEnd", absl::StrCat(last));
    series.name = absl::StrCat("timeSlice(", series.name, ", ", first, ", ", last, ")");
    int64_t now = call.range().from;  // graphite-web counts from the request's start
    TransformValues(series, [&](double value) {
      const bool is_outside = now < first || now > last;
      now += series.step;
      return is_outside ? kNull : value;
    });
  }
  return std::move(call.series());
}

}  // namespace

std::vector<FunctionDefinition> TimeFunctions() {
  Parameter shift = Required("timeShift", ParameterType::kInterval);
  for (const char* text : {"1h", "6h", "12h", "1d", "2d", "7d", "14d", "30d"}) {
    shift.suggestions.push_back(std::string(text));
  }
  return {
      {.name = "timeShift",
       .group = "Transform",
       .description = "Shows the series as they were timeShift ago, at the times of the request.",
       .parameters = {SeriesParameter(), shift, Optional("resetEnd", ParameterType::kBoolean, true),
                      Optional("alignDst", ParameterType::kBoolean, false)},
       .windows = ShiftWindows,
       .evaluate = EvaluateShift},
      {.name = "timeStack",
       .group = "Transform",
       .description = "Shows the series as they were timeShiftStart to timeShiftEnd - 1 times "
                      "timeShiftUnit ago.",
       .parameters = {SeriesParameter(),
                      Optional("timeShiftUnit", ParameterType::kInterval, std::string("1d")),
                      Optional("timeShiftStart", ParameterType::kInteger, int64_t{0}),
                      Optional("timeShiftEnd", ParameterType::kInteger, int64_t{7})},
       .windows = StackWindows,
       .evaluate = EvaluateStack},
      {.name = "timeSlice",
       .group = "Transform",
       .description = "Drops the values outside startSliceAt ... endSliceAt.",
       .parameters = {SeriesParameter(), Required("startSliceAt", ParameterType::kDate),
                      Optional("endSliceAt", ParameterType::kDate, std::string("now"))},
       .evaluate = EvaluateSlice},
  };
}

}  // namespace plumbago::functions
