#include "protocols/pickle.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "metric/line_parser.h"
#include "metric/metric_name.h"
#include "protocols/internal/pickle_machine.h"
#include "protocols/timestamp.h"

namespace plumbago::protocols {
namespace {

using internal::PickleKind;
using internal::PickleMachine;
using internal::PickleValues;
using Id = PickleValues::Id;

class PickledPoints {
 public:
  PickledPoints(const PickleValues& values, uint32_t now_seconds, PointSink& sink)
      : values_(values), now_seconds_(now_seconds), sink_(sink) {}

  // A container may be referred to many times, so that few bytes could mean very many points.
  bool IsWithinBounds(Id list) const {
    size_t point_count = 0;
    for (uint32_t cell = values_.FirstCell(list); cell != PickleValues::kNoId;
         cell = values_.CellAt(cell).next) {
      const Id element = values_.CellAt(cell).value;
      const bool has_points = values_.IsSequence(element) && values_.SizeOf(element) > 1;
      point_count += has_points ? values_.SizeOf(element) - 1 : 1;
      if (point_count > kPicklePointsMax) return false;
    }
    return true;
  }

  void HandOn(Id list) {
    for (uint32_t cell = values_.FirstCell(list); cell != PickleValues::kNoId;
         cell = values_.CellAt(cell).next) {
      ++position_;
      HandOnElement(values_.CellAt(cell).value);
    }
  }

 private:
  void HandOnElement(Id element) {
    if (!values_.IsSequence(element) || values_.SizeOf(element) < 2) {
      return Refuse(RefusalReason::kBadShape, TextOrEmpty(element));
    }
    const PickleValues::Cell path = values_.CellAt(values_.FirstCell(element));
    if (values_.KindOf(path.value) != PickleKind::kString) {
      return Refuse(RefusalReason::kBadShape, {});
    }
    const absl::string_view metric = values_.TextOf(path.value);
    if (metric.size() > metric::kMetricBytesMax) {
      return Refuse(RefusalReason::kNameTooLong, metric);
    }
    for (uint32_t cell = path.next; cell != PickleValues::kNoId; cell = values_.CellAt(cell).next) {
      HandOnPair(metric, values_.CellAt(cell).value);
    }
  }

  void HandOnPair(absl::string_view metric, Id pair) {
    if (!values_.IsSequence(pair) || values_.SizeOf(pair) != 2) {
      return Refuse(RefusalReason::kBadShape, metric);
    }
    const PickleValues::Cell first = values_.CellAt(values_.FirstCell(pair));
    const PickleValues::Cell second = values_.CellAt(first.next);
    double seconds = 0;
    Point point{metric, 0, 0, position_};
    if (!ToNumber(first.value, &seconds)) return Refuse(RefusalReason::kBadTimestamp, metric);
    if (!ToNumber(second.value, &point.value) || std::isnan(point.value)) {
      return Refuse(RefusalReason::kBadValue, metric);
    }
    const RefusalReason fault = TimeFromSeconds(seconds, now_seconds_, &point.time_seconds);
    if (fault != RefusalReason::kNone) return Refuse(fault, metric);
    sink_.OnPoint(point);
  }

  // What Python's float() takes.
  bool ToNumber(Id id, double* number) const {
    if (values_.KindOf(id) == PickleKind::kNumber) {
      *number = values_.NumberOf(id);
      return true;
    }
    return values_.KindOf(id) == PickleKind::kString &&
           metric::ParseDouble(absl::StripAsciiWhitespace(values_.TextOf(id)), number);
  }

  absl::string_view TextOrEmpty(Id id) const {
    return values_.KindOf(id) == PickleKind::kString ? values_.TextOf(id) : absl::string_view();
  }

  void Refuse(RefusalReason reason, absl::string_view excerpt) {
    sink_.OnRefused({reason, position_, excerpt});
  }

  const PickleValues& values_;
  const uint32_t now_seconds_;
  PointSink& sink_;
  uint64_t position_ = 0;
};

}  // namespace

absl::Status DecodePickle(absl::string_view payload, uint32_t now_seconds, PointSink& sink) {
  PickleMachine machine(payload);
  if (!machine.Run()) return RefuseMessage(machine.fault(), payload, machine.what(), sink);
  const PickleValues& values = machine.values();
  const Id list = machine.result();
  if (!values.IsSequence(list) && values.KindOf(list) != PickleKind::kSet) {
    return RefuseMessage(RefusalReason::kBadShape, payload,
                         "the pickle is not a list of (path, (timestamp, value))", sink);
  }
  PickledPoints points(values, now_seconds, sink);
  if (!points.IsWithinBounds(list)) {
    return RefuseMessage(RefusalReason::kTooLarge, payload,
                         absl::StrCat("more than ", kPicklePointsMax, " points"), sink);
  }
  points.HandOn(list);
  return absl::OkStatus();
}

}  // namespace plumbago::protocols
