// Keeps what a decoder hands on, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "protocols/point_sink.h"

namespace plumbago::protocols {

class RecordingSink final : public PointSink {
 public:
  struct Recorded {
    std::string metric;
    double value;
    uint32_t time_seconds;
    uint64_t position;
  };

  void OnPoint(const Point& point) override {
    points.push_back({std::string(point.metric), point.value, point.time_seconds, point.position});
  }
  void OnRefused(const Refusal& refusal) override {
    refusals.push_back(absl::StrCat(RefusalReasonWord(refusal.reason), "@", refusal.position));
    excerpts.emplace_back(refusal.excerpt);
  }

  // "metric value time" for each point.
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    for (const Recorded& point : points) {
      lines.push_back(absl::StrCat(point.metric, " ", point.value, " ", point.time_seconds));
    }
    return lines;
  }

  std::vector<Recorded> points;
  std::vector<std::string> refusals;  // "reason@position"
  std::vector<std::string> excerpts;
};

}  // namespace plumbago::protocols
