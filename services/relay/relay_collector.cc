#include "relay_collector.h"

#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/process.h"
#include "relay/spool_metrics.h"

namespace plumbago::relay {

RelayCollector::RelayCollector(base::Clock& clock, base::Metrics& registry, RelayMetrics& metrics,
                               ForeignSenders& foreign, Spools spools)
    : clock_(clock),
      registry_(registry),
      metrics_(metrics),
      foreign_(foreign),
      spools_(spools),
      collected_at_(clock.Monotonic()),
      cpu_time_(base::ProcessCpuTime()) {}

void RelayCollector::SetSlotMap(std::shared_ptr<const topology::SlotMap> map) {
  base::MutexLock lock(mutex_);
  map_ = std::move(map);
}

void RelayCollector::Collect(OwnMetricsReport& report) {
  CollectPoints(report);
  report.Counter("bytesReceived", metrics_.bytes_received.Value());
  report.Counter("pointsAcknowledged", metrics_.points_acknowledged.Value());
  report.Counter("batchesSent", metrics_.batches_sent.Value());
  report.Counter("batchesResent", metrics_.batches_resent.Value());
  report.Counter("readsPaused", metrics_.reads_paused.Value());
  report.Counter("datagramsLost", metrics_.kernel_drops_udp.Value());
  report.Gauge("connections", metrics_.connections.Value());
  report.Gauge("knownSeries", metrics_.known_series.Value());
  report.Gauge("unacknowledgedBytes", metrics_.unacknowledged_bytes.Value());
  CollectShards(report);
  CollectForeign(report);
  CollectProcess(report);
}

void RelayCollector::CollectPoints(OwnMetricsReport& report) {
  const auto received = metrics_.ReceivedByProtocol();
  report.Counter("metricsReceived", std::accumulate(received.begin(), received.end(), 0.0));
  for (size_t i = 0; i < kProtocolCount; ++i) {
    if (received[i] == 0) continue;  // a series only for what is in use
    report.Counter(absl::StrCat("received.", ProtocolWord(static_cast<Protocol>(i))), received[i]);
  }
  const auto dropped = metrics_.DroppedByReason();
  report.Counter("metricsDropped", std::accumulate(dropped.begin(), dropped.end(), 0.0));
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    if (dropped[i] == 0) continue;
    report.Counter(absl::StrCat("dropped.", DropReasonWord(static_cast<DropReason>(i))),
                   dropped[i]);
  }
}

void RelayCollector::CollectShards(OwnMetricsReport& report) {
  std::shared_ptr<const topology::SlotMap> map;
  {
    base::MutexLock lock(mutex_);
    map = map_;
  }
  if (map == nullptr) return;
  for (const topology::ShardInfo& shard : map->shards()) {
    const std::string place = absl::StrCat("destinations.", NodeOf(shard.id), ".");
    report.Counter(absl::StrCat(place, "sent"),
                   metrics_.shard_points_acknowledged(shard.id).Value());
    CollectSpool(SpoolDestination::OfShard(shard.id), place, report);
  }
}

void RelayCollector::CollectForeign(OwnMetricsReport& report) {
  for (const ForeignDestination* const destination : foreign_.Destinations()) {
    const std::string place = absl::StrCat("destinations.", NodeOf(destination->name()), ".");
    report.Counter(absl::StrCat(place, "sent"), destination->points_sent.Value());
    report.Gauge(absl::StrCat(place, "queuedBytes"), destination->queued_bytes.Value());
    CollectSpool(SpoolDestination::OfEndpointName(destination->name()), place, report);
  }
}

void RelayCollector::CollectSpool(const SpoolDestination& destination, const std::string& place,
                                  OwnMetricsReport& report) {
  if (spools_ == Spools::kNone) return;
  const SpoolMetrics spool = SpoolMetrics::Make(registry_, destination);
  report.Counter(absl::StrCat(place, "spooled"), spool.points_spooled.Value());
  report.Counter(absl::StrCat(place, "replayed"), spool.points_replayed.Value());
  report.Gauge(absl::StrCat(place, "spoolBytes"), spool.bytes.Value());
  const base::Gauge& down = *spool.states[static_cast<size_t>(SpoolState::kDown)];
  report.Gauge(absl::StrCat(place, "down"), down.Value());
}

void RelayCollector::CollectProcess(OwnMetricsReport& report) {
  const absl::Duration now = clock_.Monotonic();
  const absl::Duration cpu_time = base::ProcessCpuTime();
  const absl::Duration elapsed = now - std::exchange(collected_at_, now);
  const absl::Duration used = cpu_time - std::exchange(cpu_time_, cpu_time);
  // As carbon: percent of one core.
  if (elapsed > absl::ZeroDuration()) {
    report.Gauge("cpuUsage", 100 * absl::FDivDuration(used, elapsed));
  }
  report.Gauge("memUsage", static_cast<double>(base::ProcessResidentBytes()));
}

}  // namespace plumbago::relay
