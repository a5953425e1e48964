// The time grammar and the intervals of functions: whatever is written, the answer is a time, or an
// error that says something; in any zone, and the same each time.
#include "checks.h"
#include "functions/attime.h"

namespace {

using namespace plumbago::functions;

// Around a change of the clocks in the zone that is tried, and far from any.
constexpr int64_t kNows[] = {0, 1'700'000'000, 1'711'846'800};

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  FUZZ_CHECK(absl::LoadTimeZone(name, &zone));
  return zone;
}

void Check(const absl::StatusOr<int64_t>& result) {
  FUZZ_CHECK(result.ok() || absl::IsInvalidArgument(result.status()));
  FUZZ_CHECK(result.ok() || !result.status().message().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const absl::TimeZone zones[] = {absl::UTCTimeZone(), Zone("Europe/Berlin"),
                                         Zone("Pacific/Apia")};
  const absl::string_view text = plumbago::fuzz::View(data, size);
  for (const absl::TimeZone& zone : zones) {
    for (const int64_t now : kNows) {
      const auto time = ParseAtTime(text, now, zone);
      Check(time);
      FUZZ_CHECK(!time.ok() || *time == *ParseAtTime(text, now, zone));
    }
  }
  Check(ParseTimeOffset(text));
  const auto interval = ParseInterval(text);
  Check(interval);
  FUZZ_CHECK(!interval.ok() || *interval >= 1);
  return 0;
}
