// StatsD: the bounds of the aggregator hold and no flush hands on NaN, whatever was received.
#include "checks.h"
#include "metric/line_parser.h"
#include "protocols/statsd_aggregator.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plumbago::protocols::StatsdOptions options;
  options.percentiles = {90, -10, 0.1};
  options.has_legacy_namespace = size % 2 == 0;
  options.deletes_idle_gauges = options.deletes_idle_timers = size % 3 == 0;
  options.keys_max = 5;
  options.timer_values_max = 10;
  options.set_bytes_max = 500;
  plumbago::base::SimulatedClock clock(absl::FromUnixSeconds(1'700'000'000));
  plumbago::protocols::StatsdAggregator aggregator(options, clock);
  plumbago::fuzz::CheckingSink sink(2 * plumbago::metric::kLineBytesMax);
  for (int round = 0; round < 2; ++round) {
    aggregator.OnDatagram(plumbago::fuzz::View(data, size), sink);
    FUZZ_CHECK(aggregator.key_count() <= options.keys_max);
    clock.Advance(options.flush_interval);
    FUZZ_CHECK(aggregator.FlushIfDue(sink));
  }
  return 0;
}
