// Carbon's protobuf: points within their bounds, whatever the bytes.
#include "checks.h"
#include "metric/metric_name.h"
#include "protocols/carbon_protobuf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plumbago::fuzz::CheckingSink sink(plumbago::metric::kMetricBytesMax);
  sink.CheckStatus(
      plumbago::protocols::DecodeCarbonProtobuf(plumbago::fuzz::View(data, size), sink));
  return 0;
}
