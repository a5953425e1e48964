#include "graph/x_axis.h"

#include <algorithm>
#include <limits>

#include "absl/time/civil_time.h"

namespace plumbago::graph {
namespace {

constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kAlways = std::numeric_limits<int64_t>::max();
constexpr size_t kMarksMax = 20'000;

// Distance of marks: `step` units.
struct Distance {
  int64_t unit;
  double step;
};

struct Scale {
  double seconds_per_pixel;  // at least
  Distance minor;
  Distance major;
  Distance label;
  const char* format;
  int64_t range_max;
};

constexpr Scale kScales[] = {
    {0.00, {1, 5}, {kMinute, 1}, {1, 5}, "%H:%M:%S", 10 * kMinute},
    {0.07, {1, 10}, {kMinute, 1}, {1, 10}, "%H:%M:%S", 20 * kMinute},
    {0.14, {1, 15}, {kMinute, 1}, {1, 15}, "%H:%M:%S", 30 * kMinute},
    {0.27, {1, 30}, {kMinute, 2}, {kMinute, 1}, "%H:%M", 2 * kHour},
    {0.5, {kMinute, 1}, {kMinute, 2}, {kMinute, 1}, "%H:%M", 2 * kHour},
    {1.2, {kMinute, 1}, {kMinute, 4}, {kMinute, 2}, "%H:%M", 3 * kHour},
    {2, {kMinute, 1}, {kMinute, 10}, {kMinute, 5}, "%H:%M", 6 * kHour},
    {5, {kMinute, 2}, {kMinute, 10}, {kMinute, 10}, "%H:%M", 12 * kHour},
    {10, {kMinute, 5}, {kMinute, 20}, {kMinute, 20}, "%H:%M", kDay},
    {30, {kMinute, 10}, {kHour, 1}, {kHour, 1}, "%H:%M", 2 * kDay},
    {60, {kMinute, 30}, {kHour, 2}, {kHour, 2}, "%H:%M", 2 * kDay},
    {100, {kHour, 2}, {kHour, 4}, {kHour, 4}, "%a %H:%M", 6 * kDay},
    {255, {kHour, 6}, {kHour, 12}, {kHour, 12}, "%m/%d %H:%M", 10 * kDay},
    {600, {kHour, 6}, {kDay, 1}, {kDay, 1}, "%m/%d", 14 * kDay},
    {1000, {kHour, 12}, {kDay, 1}, {kDay, 1}, "%m/%d", 365 * kDay},
    {2000, {kDay, 1}, {kDay, 2}, {kDay, 2}, "%m/%d", 365 * kDay},
    {4000, {kDay, 2}, {kDay, 4}, {kDay, 4}, "%m/%d", 365 * kDay},
    {8000, {kDay, 3.5}, {kDay, 7}, {kDay, 7}, "%m/%d", 365 * kDay},
    {16000, {kDay, 7}, {kDay, 14}, {kDay, 14}, "%m/%d", 365 * kDay},
    {32000, {kDay, 15}, {kDay, 30}, {kDay, 30}, "%m/%d", 365 * kDay},
    {64000, {kDay, 30}, {kDay, 60}, {kDay, 60}, "%m/%d %Y", kAlways},
    {100000, {kDay, 60}, {kDay, 120}, {kDay, 120}, "%m/%d %Y", kAlways},
    {120000, {kDay, 120}, {kDay, 240}, {kDay, 240}, "%m/%d %Y", kAlways},
};

const Scale& ScaleFor(int64_t range, double seconds_per_pixel) {
  const Scale* best = &kScales[std::size(kScales) - 1];
  for (const Scale& scale : kScales) {
    if (scale.seconds_per_pixel <= seconds_per_pixel && scale.range_max >= range) best = &scale;
  }
  return *best;
}

// Marks that are `distance` apart, the first one at a round time of the zone.
class Marks {
 public:
  Marks(int64_t start, int64_t end, absl::TimeZone zone) : start_(start), end_(end), zone_(zone) {}

  std::vector<int64_t> Times(const Distance& distance) const {
    std::vector<int64_t> times;
    const absl::CivilSecond civil = absl::ToCivilSecond(absl::FromUnixSeconds(start_), zone_);
    const bool has_whole_days = distance.unit == kDay && distance.step != 3.5;
    for (int64_t i = 0; times.size() < kMarksMax; ++i) {
      const int64_t time = has_whole_days ? Midnight(civil, i * static_cast<int64_t>(distance.step))
                                          : RoundBefore(civil, distance) + i * Seconds(distance);
      if (time >= end_) break;
      if (time >= start_) times.push_back(time);
    }
    return times;
  }

 private:
  static int64_t Seconds(const Distance& distance) {
    return static_cast<int64_t>(static_cast<double>(distance.unit) * distance.step);
  }

  int64_t Midnight(const absl::CivilSecond& civil, int64_t days) const {
    return absl::ToUnixSeconds(absl::FromCivil(absl::CivilDay(civil) + days, zone_));
  }

  // The last round time up to the start, counted from the larger unit's beginning.
  int64_t RoundBefore(const absl::CivilSecond& civil, const Distance& distance) const {
    const auto step = static_cast<int64_t>(distance.step);
    if (distance.unit == 1) return start_ - civil.second() % step;
    if (distance.unit == kMinute) return start_ - civil.second() - civil.minute() % step * kMinute;
    if (distance.unit == kHour) {
      return start_ - civil.second() - civil.minute() * kMinute - civil.hour() % step * kHour;
    }
    return Midnight(civil, 0);
  }

  const int64_t start_;
  const int64_t end_;
  const absl::TimeZone zone_;
};

}  // namespace

XAxis MakeXAxis(int64_t start, int64_t end, double width_pixels, absl::TimeZone zone,
                const std::string& format) {
  const int64_t range = end - start;
  const Scale& scale = ScaleFor(range, static_cast<double>(range) / width_pixels);
  const Marks marks(start, end, zone);
  XAxis axis;
  axis.label_times = marks.Times(scale.label);
  axis.minor_times = marks.Times(scale.minor);
  axis.major_times = marks.Times(scale.major);
  const std::string& label_format = format.empty() ? scale.format : format;
  for (const int64_t time : axis.label_times) {
    axis.labels.push_back(absl::FormatTime(label_format, absl::FromUnixSeconds(time), zone));
  }
  return axis;
}

}  // namespace plumbago::graph
