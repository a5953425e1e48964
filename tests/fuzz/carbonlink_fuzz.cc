// Carbonlink requests: whatever the bytes, a refusal or a request whose fields are within bounds.
#include "checks.h"
#include "protocols/carbonlink.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using plumbago::protocols::CarbonlinkRequest;
  const auto request =
      plumbago::protocols::ParseCarbonlinkRequest(plumbago::fuzz::View(data, size));
  if (!request.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(request.status()) ||
               absl::IsResourceExhausted(request.status()));
    return 0;
  }
  FUZZ_CHECK(request->metrics.size() <= plumbago::protocols::kCarbonlinkMetricsMax);
  if (request->type == CarbonlinkRequest::Type::kUnknown) FUZZ_CHECK(request->metrics.empty());
  if (request->type == CarbonlinkRequest::Type::kQuery) FUZZ_CHECK(request->metrics.size() == 1);
  plumbago::protocols::CarbonlinkBulkAnswer answer;
  for (const std::string& metric : request->metrics) answer.Add(metric, {{1, 2.0}});
  FUZZ_CHECK(answer.Finish().size() > 4);
  return 0;
}
