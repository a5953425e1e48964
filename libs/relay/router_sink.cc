#include "relay/router_sink.h"

namespace plumbago::relay {

void RouterSink::OnPoint(const protocols::Point& point) {
  const std::optional<DropReason> dropped =
      router_.OnPoint(point.metric, point.time_seconds, point.value);
  if (!dropped.has_value() || IsOnPurpose(*dropped)) return;
  if (*dropped == DropReason::kPointsRateLimit || *dropped == DropReason::kNewSeriesRateLimit) {
    ++limited_count_;
  }
  if (report_ != nullptr) {
    report_->Retract(DropReasonWord(*dropped), point.position, WithoutKey(point.metric));
  }
}

void RouterSink::OnRefused(const protocols::Refusal& refusal) {
  router_.OnRefused(ReasonOf(refusal.reason), refusal.excerpt);
}

}  // namespace plumbago::relay
