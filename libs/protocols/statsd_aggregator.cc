#include "protocols/statsd_aggregator.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace plumbago::protocols {
namespace {

constexpr size_t kPercentilesMax = 32;

// What a member of a set takes besides its text, roughly.
constexpr size_t kMemberOverheadBytes = 48;

std::string JoinNonEmpty(absl::string_view first, absl::string_view second) {
  if (first.empty()) return std::string(second);
  return second.empty() ? std::string(first) : absl::StrCat(first, ".", second);
}

}  // namespace

absl::Status CheckStatsdOptions(const StatsdOptions& options) {
  if (options.flush_interval < absl::Milliseconds(100) ||
      options.flush_interval > absl::Hours(24)) {
    return absl::InvalidArgumentError(absl::StrCat("the flush interval ",
                                                   absl::FormatDuration(options.flush_interval),
                                                   " is not within 100ms and 24h"));
  }
  if (options.percentiles.size() > kPercentilesMax) {
    return absl::InvalidArgumentError(absl::StrCat("at most ", kPercentilesMax, " percentiles"));
  }
  for (const double percentile : options.percentiles) {
    if (percentile == 0 || !(std::abs(percentile) <= 100)) {
      return absl::InvalidArgumentError(
          absl::StrCat("percentile ", percentile, " is not within -100 and 100, or is 0"));
    }
  }
  if (options.gauge_flushes_max < 1) {
    return absl::InvalidArgumentError("a gauge has to outlive at least 1 flush");
  }
  return absl::OkStatus();
}

StatsdAggregator::StatsdAggregator(StatsdOptions options, base::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      flush_seconds_(absl::ToDoubleSeconds(options_.flush_interval)),
      next_flush_(clock.Monotonic() + options_.flush_interval) {
  if (options_.has_legacy_namespace) {
    counter_namespace_ = "stats";
    timer_namespace_ = "stats.timers";
    gauge_namespace_ = "stats.gauges";
    set_namespace_ = "stats.sets";
    return;
  }
  counter_namespace_ = JoinNonEmpty(options_.global_prefix, options_.counter_prefix);
  timer_namespace_ = JoinNonEmpty(options_.global_prefix, options_.timer_prefix);
  gauge_namespace_ = JoinNonEmpty(options_.global_prefix, options_.gauge_prefix);
  set_namespace_ = JoinNonEmpty(options_.global_prefix, options_.set_prefix);
}

void StatsdAggregator::OnDatagram(absl::string_view datagram, PointSink& sink) {
  ++packets_;
  uint64_t position = 0;
  for (const absl::string_view line : absl::StrSplit(datagram, '\n')) {
    ++position;
    if (!line.empty()) OnNonEmptyLine(line, position, sink);
  }
}

void StatsdAggregator::OnLine(absl::string_view line, PointSink& sink) {
  ++packets_;
  if (!line.empty()) OnNonEmptyLine(line, 1, sink);
}

void StatsdAggregator::OnNonEmptyLine(absl::string_view line, uint64_t position, PointSink& sink) {
  ++lines_;
  const auto refuse = [&](RefusalReason reason) {
    ++bad_lines_;
    sink.OnRefused({reason, position, line});
  };
  const auto add = [&](const StatsdSample& sample) {
    const RefusalReason reason = Add(sample);
    if (reason != RefusalReason::kNone) sink.OnRefused({reason, position, line});
  };
  ParseStatsdLine(line, add, refuse);
}

RefusalReason StatsdAggregator::Add(const StatsdSample& sample) {
  switch (sample.type) {
    case StatsdType::kCounter:
      return AddToCounter(sample);
    case StatsdType::kTimer:
      return AddToTimer(sample);
    case StatsdType::kGauge:
      return AddToGauge(sample);
    case StatsdType::kSet:
      return AddToSet(sample);
  }
  return RefusalReason::kUnknownType;
}

template <typename Map>
typename Map::mapped_type* StatsdAggregator::FindOrAdd(Map& map, absl::string_view key) {
  const auto found = map.find(key);
  if (found != map.end()) return &found->second;
  if (key_count() >= options_.keys_max) return nullptr;
  return &map[std::string(key)];
}

RefusalReason StatsdAggregator::AddToCounter(const StatsdSample& sample) {
  double* const counter = FindOrAdd(counters_, sample.key);
  if (counter == nullptr) return RefusalReason::kTooManyKeys;
  *counter += sample.value * (1 / sample.sample_rate);
  return RefusalReason::kNone;
}

RefusalReason StatsdAggregator::AddToTimer(const StatsdSample& sample) {
  if (timer_value_count_ >= options_.timer_values_max) return RefusalReason::kTooManyTimerValues;
  TimerValues* const timer = FindOrAdd(timers_, sample.key);
  if (timer == nullptr) return RefusalReason::kTooManyKeys;
  timer->values.push_back(sample.value);
  timer->count += 1 / sample.sample_rate;
  ++timer_value_count_;
  return RefusalReason::kNone;
}

RefusalReason StatsdAggregator::AddToGauge(const StatsdSample& sample) {
  Gauge* const gauge = FindOrAdd(gauges_, sample.key);
  if (gauge == nullptr) return RefusalReason::kTooManyKeys;
  gauge->value = sample.is_gauge_delta ? gauge->value + sample.value : sample.value;
  gauge->flushes_left = options_.gauge_flushes_max;
  return RefusalReason::kNone;
}

RefusalReason StatsdAggregator::AddToSet(const StatsdSample& sample) {
  MemberSet* const set = FindOrAdd(sets_, sample.key);
  if (set == nullptr) return RefusalReason::kTooManyKeys;
  if (set->members.contains(sample.member)) return RefusalReason::kNone;
  const size_t bytes = sample.member.size() + kMemberOverheadBytes;
  if (set_bytes_ + bytes > options_.set_bytes_max) return RefusalReason::kTooManySetMembers;
  set->members.insert(std::string(sample.member));
  set_bytes_ += bytes;
  return RefusalReason::kNone;
}

bool StatsdAggregator::FlushIfDue(PointSink& sink) {
  const absl::Duration now = clock_.Monotonic();
  if (now < next_flush_) return false;
  Flush(sink);
  // Flushes that were missed are not made up for: their time has gone by.
  next_flush_ += options_.flush_interval;
  if (next_flush_ <= now) next_flush_ = now + options_.flush_interval;
  return true;
}

void StatsdAggregator::Flush(PointSink& sink) {
  const int64_t millis = absl::ToUnixMillis(clock_.Now());
  flush_time_seconds_ = static_cast<uint32_t>((millis + 500) / 1000);
  FlushCounters(sink);
  FlushTimers(sink);
  FlushGauges(sink);
  FlushSets(sink);
  if (options_.has_self_metrics) FlushSelfMetrics(sink);
  EndInterval();
}

void StatsdAggregator::FlushCounter(absl::string_view key, double value, PointSink& sink) {
  const bool is_legacy = options_.has_legacy_namespace;
  Emit(NameOf(counter_namespace_, key, is_legacy ? "" : "rate"), value / flush_seconds_, sink);
  if (!options_.has_counts) return;
  Emit(is_legacy ? NameOf("stats_counts", key, "") : NameOf(counter_namespace_, key, "count"),
       value, sink);
}

void StatsdAggregator::FlushCounters(PointSink& sink) {
  for (const auto& [key, value] : counters_) FlushCounter(key, value, sink);
}

void StatsdAggregator::FlushTimers(PointSink& sink) {
  for (auto& [key, timer] : timers_) {
    const std::string& name = key;  // a structured binding cannot be captured
    SummariseTimer(&timer, flush_seconds_, options_.percentiles,
                   [&](absl::string_view last, double value) {
                     Emit(NameOf(timer_namespace_, name, last), value, sink);
                   });
  }
}

void StatsdAggregator::FlushGauges(PointSink& sink) {
  for (const auto& [key, gauge] : gauges_) {
    Emit(NameOf(gauge_namespace_, key, ""), gauge.value, sink);
  }
}

void StatsdAggregator::FlushSets(PointSink& sink) {
  for (const auto& [key, set] : sets_) {
    const auto count = static_cast<double>(set.members.size());
    Emit(NameOf(set_namespace_, key, "count"), count, sink);
  }
}

void StatsdAggregator::FlushSelfMetrics(PointSink& sink) {
  const std::string& self = options_.stats_prefix;
  FlushCounter(absl::StrCat(self, ".bad_lines_seen"), bad_lines_, sink);
  FlushCounter(absl::StrCat(self, ".packets_received"), packets_, sink);
  FlushCounter(absl::StrCat(self, ".metrics_received"), lines_, sink);
  size_t count = key_count() + 3;
  if (last_flush_time_seconds_ != 0) {
    const double lag = static_cast<double>(flush_time_seconds_) -
                       static_cast<double>(last_flush_time_seconds_) - flush_seconds_;
    Emit(NameOf(gauge_namespace_, absl::StrCat(self, ".timestamp_lag"), ""), lag, sink);
    ++count;
  }
  // Without "stats." in the legacy namespace: an oddity of statsd that dashboards rely on.
  const absl::string_view prefix =
      options_.has_legacy_namespace ? absl::string_view() : options_.global_prefix;
  Emit(NameOf(prefix, absl::StrCat(self, ".numStats"), ""), static_cast<double>(count), sink);
}

void StatsdAggregator::EndInterval() {
  if (options_.deletes_idle_counters) counters_.clear();
  for (auto& [key, value] : counters_) value = 0;
  if (options_.deletes_idle_timers) timers_.clear();
  for (auto& [key, timer] : timers_) timer = {};
  if (options_.deletes_idle_sets) sets_.clear();
  for (auto& [key, set] : sets_) set = {};
  if (options_.deletes_idle_gauges) {
    absl::erase_if(gauges_, [](auto& entry) { return --entry.second.flushes_left < 1; });
  }
  timer_value_count_ = 0;
  set_bytes_ = 0;
  bad_lines_ = packets_ = lines_ = 0;
  last_flush_time_seconds_ = flush_time_seconds_;
}

std::string StatsdAggregator::NameOf(absl::string_view prefix, absl::string_view key,
                                     absl::string_view last) const {
  const size_t semicolon = std::min(key.find(';'), key.size());
  const std::string name = JoinNonEmpty(JoinNonEmpty(prefix, key.substr(0, semicolon)), last);
  return absl::StrCat(JoinNonEmpty(name, options_.global_suffix), key.substr(semicolon));
}

void StatsdAggregator::Emit(absl::string_view metric, double value, PointSink& sink) {
  if (std::isnan(value)) return sink.OnRefused({RefusalReason::kBadValue, 0, metric});
  sink.OnPoint({metric, value, flush_time_seconds_, 0});
}

}  // namespace plumbago::protocols
