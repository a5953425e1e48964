#include "relay/own_metrics.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "metric/metric_name.h"

namespace plumbago::relay {

std::string NodeOf(absl::string_view text) {
  std::string node(text);
  for (char& c : node) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
  }
  return node;
}

absl::StatusOr<std::string> ResolvePrefix(absl::string_view prefix, const std::string& host) {
  std::string resolved = absl::StrReplaceAll(prefix, {{"{host}", NodeOf(host)}});
  const metric::NameFault fault = metric::CheckDottedName(resolved);
  if (fault == metric::NameFault::kNone && resolved.find_first_of(" {};") == std::string::npos) {
    return resolved;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--own-metrics-prefix ", base::Excerpt(prefix),
                   " does not begin a metric's name; use nodes apart by dots, and {host}"));
}

void OwnMetricsReport::Gauge(absl::string_view name, double value) {
  metric_ = absl::StrCat(prefix_, ".", name);
  // A refusal is counted by the router.
  sink_->Give(
      {.tenant = tenant_, .metric = metric_, .time_seconds = time_seconds_, .value = value});
}

void OwnMetricsReport::Counter(absl::string_view name, double total) {
  if (totals_.size() >= kCountersMax) totals_.clear();
  double& before = totals_[name];
  // One that has begun again counts from 0.
  const double added = total >= before ? total - before : total;
  before = total;
  Gauge(name, added);
}

OwnMetrics::OwnMetrics(const OwnMetricsOptions& options, base::Clock& clock)
    : options_(options),
      interval_seconds_(std::max<int64_t>(absl::ToInt64Seconds(options.interval), 1)),
      clock_(clock),
      last_interval_(IntervalNumber()),
      report_(options_.prefix, options_.tenant) {}

void OwnMetrics::Produce(Turn turn, InternalSink& sink) {
  const int64_t interval = IntervalNumber();
  // A last point would be taken for a whole interval.
  if (turn == Turn::kLast || interval == last_interval_) return;
  last_interval_ = interval;
  report_.time_seconds_ = static_cast<uint32_t>(interval * interval_seconds_);
  report_.sink_ = &sink;
  for (const Collector& collect : collectors_) collect(report_);
  report_.sink_ = nullptr;
}

}  // namespace plumbago::relay
