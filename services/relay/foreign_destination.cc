#include "foreign_destination.h"

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"

namespace plumbago::relay {

ForeignDestination::ForeignDestination(base::Metrics& metrics, base::Gauge& held,
                                       const std::string& name)
    : points_sent(metrics.AddCounter("plumbago_relay_destination_points_sent_total",
                                     "Points that the destination's kernel has acknowledged",
                                     {{"destination", name}})),
      connections(metrics.AddGauge("plumbago_relay_destination_connections",
                                   "Open connections to the destination", {{"destination", name}})),
      connects(metrics.AddCounter("plumbago_relay_destination_connects_total",
                                  "Connections made to the destination", {{"destination", name}})),
      resent_batches(metrics.AddCounter("plumbago_relay_destination_batches_resent_total",
                                        "Batches written again after a broken connection",
                                        {{"destination", name}})),
      queued_bytes(metrics.AddGauge(
          "plumbago_relay_destination_queued_bytes",
          "Memory of points on their way to the destination that it has not accepted",
          {{"destination", name}})),
      name_(name),
      points_held_(held),
      failures_(metrics.AddCounter("plumbago_relay_destination_failures_total",
                                   "Connections that failed with points on their way, and attempts "
                                   "to connect or write that failed",
                                   {{"destination", name}})),
      points_not_writable_(
          metrics.AddCounter("plumbago_relay_destination_points_refused_total",
                             "Points that were not sent to the destination, by reason",
                             {{"destination", name}, {"reason", "not_writable"}})) {}

void ForeignDestination::OnQueued(size_t point_count, size_t byte_count) {
  points_held_.Add(static_cast<double>(point_count));
  queued_bytes.Add(static_cast<double>(byte_count));
}

void ForeignDestination::OnLeft(size_t point_count, size_t byte_count) {
  points_held_.Add(-static_cast<double>(point_count));
  queued_bytes.Add(-static_cast<double>(byte_count));
}

void ForeignDestination::OnFailure(absl::string_view why) {
  failures_.Increment();
  if (is_failing_.exchange(true)) return;
  base::LogWarning(absl::StrCat("destination ", name_, " does not take points: ", why,
                                "; tried again until it does"));
}

void ForeignDestination::OnAccepted(size_t point_count) {
  points_sent.Increment(static_cast<double>(point_count));
  if (!is_failing_.load(std::memory_order_relaxed) || !is_failing_.exchange(false)) return;
  base::LogInfo(absl::StrCat("destination ", name_, " takes points again"));
}

void ForeignDestination::OnNotWritable(uint64_t point_count) {
  points_not_writable_.Increment(static_cast<double>(point_count));
  if (has_logged_not_writable_.exchange(true)) return;
  base::LogWarning(
      absl::StrCat("destination ", name_,
                   " cannot be sent some points, whose names or values its protocol has "
                   "no way to write; counted in plumbago_relay_destination_points_refused_total"));
}

void ForeignDestination::OnAnswer(absl::string_view text) {
  if (has_logged_answer_.exchange(true)) return;
  base::LogWarning(
      absl::StrCat("destination ", name_, " answers (logged once): '", base::Excerpt(text), "'"));
}

}  // namespace plumbago::relay
