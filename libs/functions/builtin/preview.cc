#include "functions/builtin/preview.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/attime.h"

namespace plumbago::functions {
namespace {

constexpr int64_t kWindowPointsMax = 10'000'000;

// Of an interval that the binding has checked.
int64_t Seconds(const std::string& interval) { return std::abs(*ParseTimeOffset(interval)); }

}  // namespace

absl::StatusOr<std::vector<TimeRange>> WindowSizePreview(WindowQuestion& question) {
  const Value& window = question.arguments().Get("windowSize");
  const TimeRange& range = question.range();
  if (const auto* interval = std::get_if<std::string>(&window)) {
    return std::vector<TimeRange>{{range.from - Seconds(*interval), range.until}};
  }
  const int64_t points = std::get<int64_t>(window);
  if (points < 0 || points > kWindowPointsMax) {
    return absl::InvalidArgumentError(absl::StrCat(question.arguments().definition().name,
                                                   "(): windowSize is ", points, ", not 0 to ",
                                                   kWindowPointsMax, " points"));
  }
  if (points == 0) return std::vector<TimeRange>{range};
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t step, question.StepMax(points));
  return std::vector<TimeRange>{{range.from - points * step, range.until}};
}

PointWindow PointWindowOf(const Call& call, const Series& series) {
  PointWindow result;
  result.seconds = call.range().from - call.window(0).from;
  const Value& window = call.arguments().Get("windowSize");
  if (const auto* interval = std::get_if<std::string>(&window)) {
    result.points = Seconds(*interval) / series.step;
    result.tag = *interval;
    result.shown = absl::StrCat("\"", *interval, "\"");
  } else {
    result.points = std::get<int64_t>(window);
    result.tag = result.shown = absl::StrCat(result.points);
  }
  if (call.window(0).from == 0) {
    result.absent_points = std::max<int64_t>(result.points - result.seconds / series.step, 0);
  }
  return result;
}

}  // namespace plumbago::functions
