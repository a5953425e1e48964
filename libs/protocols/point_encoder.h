// Writes points in the protocols of foreign receivers: the other direction of the decoders here.
//
// Pure and deterministic; for one thread. Values are written as the shortest decimal text that is
// read back as the same double, without a fraction where there is none ("3", not "3.0"), and
// without an exponent from 1e-5 to 1e17, as people and old parsers expect. Nothing is altered to
// make it fit: a point that a protocol has no way to write is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace plumbago::protocols {

// A point that goes out. The metric is canonical (metric/metric_name.h), the value no NaN.
struct OutgoingPoint {
  absl::string_view tenant;
  absl::string_view metric;
  uint32_t time_seconds = 0;
  double value = 0;
};

// Of a pickle: carbon's MAX_DATAPOINTS_PER_MESSAGE. With the longest names it has half of the 1 MiB
// that receivers with carbon's defaults take.
inline constexpr size_t kPickledPointsMax = 500;

class PointEncoder {
 public:
  virtual ~PointEncoder() = default;

  // Adds the point, or the message that it completes, to `out`. False, and nothing is added, where
  // the protocol cannot express it.
  virtual bool Append(const OutgoingPoint& point, std::string* out) = 0;

  // Adds the message that is open, if there is one.
  virtual void Finish(std::string* out) = 0;
};

enum class OutgoingProtocol : uint8_t {
  // "metric value timestamp\n". Not: a name with a blank, be it of Unicode (carbon splits at those
  // too), or a control byte.
  kPlaintext,
  // Frames of pickles, protocol 2, of [(metric, (timestamp, value)), ...]. Every name.
  kPickle,
  // "put metric timestamp value key=value ...\n". Series without a tag get `tenant=ID`, because
  // OpenTSDB wants one. Not: names as above, '=' in the value of a tag, infinite values.
  kOpenTsdb,
};

std::unique_ptr<PointEncoder> MakePointEncoder(OutgoingProtocol protocol);

// Adds `value` as described above.
void AppendValue(double value, std::string* out);

}  // namespace plumbago::protocols
