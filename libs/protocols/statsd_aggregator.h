// StatsD in the relay: takes datagrams or lines, and turns them at each flush into the points that
// statsd's Graphite backend would send.
//
// Source of the rules and names: stats.js, lib/process_metrics.js and backends/graphite.js of
// statsd 0.9.0. Not there: histogram bins, and the backend's times of its own (graphiteStats.*).
// For one thread. The caller asks for flushes: FlushIfDue at NextFlush(), Flush once more at the
// end. Memory is bounded by the options; what does not fit is refused with a reason, and what is
// known goes on. A key in this library's sense is one name of one type.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "protocols/point_sink.h"
#include "protocols/statsd_line.h"
#include "protocols/statsd_timer.h"

namespace plumbago::protocols {

// Names in comments are those of statsd's configuration.
struct StatsdOptions {
  absl::Duration flush_interval = absl::Seconds(10);  // flushInterval
  std::vector<double> percentiles = {90};             // percentThreshold
  bool has_legacy_namespace = true;                   // legacyNamespace
  bool has_counts = true;                             // flush_counts
  // Of the new namespace only, except suffix and prefix_stats. An empty prefix is left out.
  std::string global_prefix = "stats";
  std::string counter_prefix = "counters";
  std::string timer_prefix = "timers";
  std::string gauge_prefix = "gauges";
  std::string set_prefix = "sets";
  std::string global_suffix;  // without its dot
  std::string stats_prefix = "statsd";
  // Whether a key that was idle in an interval is forgotten instead of sent as 0 (gauges: as
  // before).
  bool deletes_idle_counters = false;
  bool deletes_idle_timers = false;
  bool deletes_idle_gauges = false;
  bool deletes_idle_sets = false;
  int gauge_flushes_max = 1;     // gaugesMaxTTL: idle flushes of a gauge before it is forgotten
  bool has_self_metrics = true;  // statsd.packets_received, .bad_lines_seen, numStats, ...

  size_t keys_max = 100'000;
  size_t timer_values_max = size_t{1} << 20;  // of all timers in one interval; 8 bytes each
  size_t set_bytes_max = size_t{16} << 20;    // of all members of all sets in one interval
};

// InvalidArgument names the option that cannot be.
absl::Status CheckStatsdOptions(const StatsdOptions& options);

class StatsdAggregator {
 public:
  // `options` pass CheckStatsdOptions; `clock` outlives this.
  StatsdAggregator(StatsdOptions options, base::Clock& clock);

  // A datagram: lines with newlines between them. Only refusals go to `sink`.
  void OnDatagram(absl::string_view datagram, PointSink& sink);
  // One line of a stream (relay/line_cutter.h), without its newline.
  void OnLine(absl::string_view line, PointSink& sink);

  // On the clock's monotonic scale.
  absl::Duration NextFlush() const { return next_flush_; }
  // Flushes where the interval is over. Returns whether it did.
  bool FlushIfDue(PointSink& sink);
  // Hands on the points of the interval and begins the next one.
  void Flush(PointSink& sink);

  size_t key_count() const {
    return counters_.size() + timers_.size() + gauges_.size() + sets_.size();
  }

 private:
  struct Gauge {
    double value = 0;
    int flushes_left = 0;
  };
  struct MemberSet {
    absl::flat_hash_set<std::string> members;
  };
  enum class Kind { kCounter, kTimer, kGauge, kSet };

  void OnNonEmptyLine(absl::string_view line, uint64_t position, PointSink& sink);
  RefusalReason Add(const StatsdSample& sample);
  RefusalReason AddToCounter(const StatsdSample& sample);
  RefusalReason AddToTimer(const StatsdSample& sample);
  RefusalReason AddToGauge(const StatsdSample& sample);
  RefusalReason AddToSet(const StatsdSample& sample);
  // The entry of `key`, made where there is room for one; else null.
  template <typename Map>
  typename Map::mapped_type* FindOrAdd(Map& map, absl::string_view key);

  void FlushCounter(absl::string_view key, double value, PointSink& sink);
  void FlushCounters(PointSink& sink);
  void FlushTimers(PointSink& sink);
  void FlushGauges(PointSink& sink);
  void FlushSets(PointSink& sink);
  void FlushSelfMetrics(PointSink& sink);
  void EndInterval();

  // `prefix.key[.last].suffix;tags`.
  std::string NameOf(absl::string_view prefix, absl::string_view key, absl::string_view last) const;
  void Emit(absl::string_view metric, double value, PointSink& sink);

  const StatsdOptions options_;
  base::Clock& clock_;
  const double flush_seconds_;
  // Of the namespace in use, joined.
  std::string counter_namespace_;
  std::string timer_namespace_;
  std::string gauge_namespace_;
  std::string set_namespace_;

  absl::flat_hash_map<std::string, double> counters_;
  absl::flat_hash_map<std::string, TimerValues> timers_;
  absl::flat_hash_map<std::string, Gauge> gauges_;
  absl::flat_hash_map<std::string, MemberSet> sets_;
  size_t timer_value_count_ = 0;
  size_t set_bytes_ = 0;
  double bad_lines_ = 0;
  double packets_ = 0;
  double lines_ = 0;
  absl::Duration next_flush_;
  uint32_t flush_time_seconds_ = 0;  // of the flush that runs
  uint32_t last_flush_time_seconds_ = 0;
};

}  // namespace plumbago::protocols
