// The relay's own metrics as Graphite series, as carbon's daemons write theirs.
//
// Collectors say what there is, once per interval, at full multiples of it; each name gets the
// prefix in front and becomes a point of the tenant. Counters are written as what was added since
// the point before, as carbon does. When a turn comes late (no shard took points), one point covers
// the longer time. Used on the thread of the InternalSource; AddCollector before that starts.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "relay/internal_source.h"

namespace plumbago::relay {

struct OwnMetricsOptions {
  absl::Duration interval = absl::Minutes(1);    // 0: none are written
  std::string prefix = "plumbago.relay.{host}";  // {host}: the machine's, dots as underscores
  std::string tenant = "";                       // empty: the default tenant
};

// A text as one node of a name: what a node cannot hold, and dots, become underscores.
std::string NodeOf(absl::string_view text);

// `prefix` with the host in it. InvalidArgument: it does not begin a metric's name.
absl::StatusOr<std::string> ResolvePrefix(absl::string_view prefix, const std::string& host);

// Where collectors report. Names are as below the prefix: "received.pickle".
class OwnMetricsReport {
 public:
  // Counters that are known at a time; bounded by shards and destinations in practice.
  static constexpr size_t kCountersMax = 100'000;

  OwnMetricsReport(const std::string& prefix, const std::string& tenant)
      : prefix_(prefix), tenant_(tenant) {}

  void Gauge(absl::string_view name, double value);
  // `total` since the start of the process, or since whenever it began at 0.
  void Counter(absl::string_view name, double total);

 private:
  friend class OwnMetrics;

  const std::string& prefix_;
  const std::string& tenant_;
  uint32_t time_seconds_ = 0;
  InternalSink* sink_ = nullptr;
  std::string metric_;                               // scratch
  absl::flat_hash_map<std::string, double> totals_;  // at the point before
};

class OwnMetrics final : public PointProducer {
 public:
  using Collector = std::function<void(OwnMetricsReport&)>;

  // `prefix` is resolved, the interval is not 0, the tenant not empty. `clock` outlives this.
  OwnMetrics(const OwnMetricsOptions& options, base::Clock& clock);

  // What it reads outlives this.
  void AddCollector(Collector collector) { collectors_.push_back(std::move(collector)); }

  void Produce(Turn turn, InternalSink& sink) override;

 private:
  int64_t IntervalNumber() { return clock_.UnixSeconds() / interval_seconds_; }

  const OwnMetricsOptions options_;
  const int64_t interval_seconds_;
  base::Clock& clock_;
  std::vector<Collector> collectors_;
  int64_t last_interval_;
  OwnMetricsReport report_;
};

}  // namespace plumbago::relay
