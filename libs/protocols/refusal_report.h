// Counts what a request brought and keeps the first refusals, for the answer to its sender.
//
// Stands in front of the sink that takes the points. What that sink refuses later (a name, a limit)
// it adds itself. For one request and one thread; holds kListedMax excerpts.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "protocols/point_sink.h"

namespace plumbago::protocols {

class RefusalReport final : public PointSink {
 public:
  static constexpr size_t kListedMax = 10;

  struct Entry {
    uint64_t position;    // line or element, from 1; 0 for the whole message
    std::string reason;   // a stable word
    std::string excerpt;  // escaped and cut
  };

  // `next` outlives the report.
  explicit RefusalReport(PointSink& next) : next_(next) {}

  void OnPoint(const Point& point) override;
  void OnRefused(const Refusal& refusal) override;

  // A point that was handed on and refused after all: counts as refused, no longer as accepted.
  void Retract(absl::string_view reason, uint64_t position, absl::string_view raw_excerpt);

  uint64_t accepted_count() const { return accepted_count_; }
  uint64_t refused_count() const { return refused_count_; }
  const std::vector<Entry>& first_refused() const { return first_refused_; }

 private:
  void List(absl::string_view reason, uint64_t position, absl::string_view raw_excerpt);

  PointSink& next_;
  uint64_t accepted_count_ = 0;
  uint64_t refused_count_ = 0;
  std::vector<Entry> first_refused_;
};

}  // namespace plumbago::protocols
