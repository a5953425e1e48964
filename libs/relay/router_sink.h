// Brings what a decoder of libs/protocols produces into a router. For one thread and one message or
// connection; holds nothing.
#pragma once

#include "protocols/point_sink.h"
#include "protocols/refusal_report.h"
#include "relay/point_router.h"

namespace plumbago::relay {

class RouterSink final : public protocols::PointSink {
 public:
  // `router` outlives the sink and has been told the source of the points.
  explicit RouterSink(PointRouter& router) : router_(router) {}

  // What the router refuses is told to `report` too, which stands in front of this sink.
  void SetReport(protocols::RefusalReport* report) { report_ = report; }

  void OnPoint(const protocols::Point& point) override;
  void OnRefused(const protocols::Refusal& refusal) override;

  // Points refused by a rate limit: the sender may try them again later.
  uint64_t limited_count() const { return limited_count_; }

 private:
  PointRouter& router_;
  protocols::RefusalReport* report_ = nullptr;
  uint64_t limited_count_ = 0;
};

}  // namespace plumbago::relay
