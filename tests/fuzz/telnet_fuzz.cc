// Telnet lines: each gives exactly one point, one refusal, or neither, as its result says.
#include "absl/strings/str_split.h"
#include "checks.h"
#include "metric/metric_name.h"
#include "protocols/telnet_line.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using plumbago::protocols::TelnetRequest;
  for (const absl::string_view line : absl::StrSplit(plumbago::fuzz::View(data, size), '\n')) {
    plumbago::fuzz::CheckingSink sink(plumbago::metric::kMetricBytesMax);
    const TelnetRequest request =
        plumbago::protocols::DecodeTelnetLine(line, 1'700'000'000, 1, sink);
    FUZZ_CHECK(sink.point_count() == (request == TelnetRequest::kPut ? 1 : 0));
    FUZZ_CHECK(sink.refusal_count() == (request == TelnetRequest::kRefused ? 1 : 0));
  }
  return 0;
}
