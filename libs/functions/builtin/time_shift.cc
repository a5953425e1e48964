#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

// Shifts go back in time unless they say otherwise.
std::string SignedShift(const Arguments& arguments) {
  const std::string& text = arguments.String("timeShift");
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
absl::StatusOr<std::vector<TimeRange>> Windows(WindowQuestion& question) {
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t shift,
                            ParseTimeOffset(SignedShift(question.arguments())));
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

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const SeriesList& original = call.series(0);
  if (original.empty()) return SeriesList{};
  const bool is_end_reset = call.arguments().Boolean("resetEnd");
  const std::string shift = SignedShift(call.arguments());
  for (Series& series : call.series(1)) {
    series.tags.Set("timeShift", shift);
    series.name = absl::StrCat("timeShift(", series.name, ", \"", shift, "\")");
    series.end =
        is_end_reset ? original.front().end : series.end - series.start + original.front().start;
    series.start = original.front().start;
  }
  return std::move(call.series(1));
}

}  // namespace

FunctionDefinition TimeShift() {
  return {
      .name = "timeShift",
      .group = "Transform",
      .description = "Shows the series as they were timeShift ago, at the times of the request.",
      .parameters = {{"seriesList", ParameterType::kSeriesList},
                     {.name = "timeShift",
                      .type = ParameterType::kInterval,
                      .suggestions = {std::string("1h"), std::string("6h"), std::string("12h"),
                                      std::string("1d"), std::string("2d"), std::string("7d"),
                                      std::string("14d"), std::string("30d")}},
                     {"resetEnd", ParameterType::kBoolean, Parameter::Presence::kOptional, true},
                     {"alignDst", ParameterType::kBoolean, Parameter::Presence::kOptional, false}},
      .windows = Windows,
      .evaluate = Evaluate};
}

}  // namespace plumbago::functions
