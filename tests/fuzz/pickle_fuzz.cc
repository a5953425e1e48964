// Pickles: whatever the bytes, either a whole refusal and no point, or points within their bounds.
#include "checks.h"
#include "metric/metric_name.h"
#include "protocols/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plumbago::fuzz::CheckingSink sink(plumbago::metric::kMetricBytesMax);
  const absl::Status status =
      plumbago::protocols::DecodePickle(plumbago::fuzz::View(data, size), 1'700'000'000, sink);
  sink.CheckStatus(status);
  FUZZ_CHECK(status.ok() || (sink.point_count() == 0 && sink.refusal_count() == 1));
  FUZZ_CHECK(sink.point_count() + sink.refusal_count() <=
             plumbago::protocols::kPicklePointsMax + 1);
  return 0;
}
