// Plaintext lines: the same points however the bytes are cut, as a stream and as an HTTP body; a
// name that is accepted is in its canonical form the second time; a printed point is read back.
#include <vector>

#include "checks.h"
#include "metric/line_parser.h"
#include "metric/metric_name.h"
#include "protocols/plaintext_body.h"
#include "relay/line_cutter.h"

namespace {

using plumbago::fuzz::CheckingSink;
using plumbago::metric::NameFault;

constexpr uint32_t kNow = 1'700'000'000;

void CheckName(absl::string_view metric) {
  std::string once;
  if (plumbago::metric::Canonicalise(metric, &once) != NameFault::kNone) return;
  std::string twice;
  FUZZ_CHECK(plumbago::metric::Canonicalise(once, &twice) == NameFault::kNone);
  FUZZ_CHECK(once == twice);
}

void CheckRoundTrip(const plumbago::metric::ParsedLine& parsed) {
  const std::string line =
      absl::StrFormat("%s %.17g %u", parsed.metric, parsed.value, parsed.time_seconds);
  if (line.size() > plumbago::metric::kLineBytesMax) return;
  plumbago::metric::ParsedLine again;
  FUZZ_CHECK(plumbago::metric::ParseLine(line, kNow, &again) == plumbago::metric::LineFault::kNone);
  FUZZ_CHECK(again.metric == parsed.metric && again.time_seconds == parsed.time_seconds);
  FUZZ_CHECK(again.value == parsed.value);
}

// The relay's way: lines, each parsed. Empty ones are passed over here, as in a body.
class LineReader {
 public:
  explicit LineReader(CheckingSink* sink) : sink_(sink) {}

  void OnLines(absl::Span<const absl::string_view> lines) {
    for (const absl::string_view line : lines) {
      if (line.empty() || line == "\r") continue;
      plumbago::metric::ParsedLine parsed;
      const auto fault = plumbago::metric::ParseLine(line, kNow, &parsed);
      if (fault != plumbago::metric::LineFault::kNone) {
        sink_->OnRefused({plumbago::protocols::ReasonOf(fault), 1, line});
        continue;
      }
      sink_->OnPoint({parsed.metric, parsed.value, parsed.time_seconds, 1});
      CheckName(parsed.metric);
      CheckRoundTrip(parsed);
    }
  }
  void OnLongLine(absl::string_view head) {
    sink_->OnRefused({plumbago::protocols::RefusalReason::kLineTooLong, 1, head});
  }

 private:
  CheckingSink* const sink_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = plumbago::fuzz::View(data, size);
  CheckingSink body(plumbago::metric::kLineBytesMax);
  plumbago::protocols::DecodePlaintextBody(text, kNow, body);
  for (const uint32_t seed : {1U, 2U}) {
    CheckingSink stream(plumbago::metric::kLineBytesMax);
    LineReader reader(&stream);
    plumbago::relay::LineCutter cutter;
    plumbago::fuzz::CutIntoPieces(text, seed,
                                  [&](absl::string_view piece) { cutter.Feed(piece, reader); });
    cutter.Finish(reader);
    FUZZ_CHECK(stream.log() == body.log());
  }
  return 0;
}
