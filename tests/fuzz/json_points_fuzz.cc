// JSON bodies: whatever the bytes, points within their bounds; a refusal of the whole is said once.
#include "checks.h"
#include "metric/metric_name.h"
#include "protocols/json_points.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plumbago::fuzz::CheckingSink sink(plumbago::metric::kMetricBytesMax);
  sink.CheckStatus(
      plumbago::protocols::DecodeJsonPoints(plumbago::fuzz::View(data, size), 1'700'000'000, sink));
  return 0;
}
