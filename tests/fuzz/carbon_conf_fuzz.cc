// carbon.conf: what is refused is refused with the file's name, and what is taken makes a table by
// which every name gets a decision that holds together.
#include "absl/strings/match.h"
#include "checks.h"
#include "route_checks.h"
#include "routing/carbon_conf.h"
#include "routing/carbon_files.h"

namespace plumbago::routing {
namespace {

void Try(absl::string_view text, CarbonProgram program) {
  const auto conf = ParseCarbonConf(text, "carbon.conf", program);
  if (!conf.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(conf.status()));
    FUZZ_CHECK(absl::StrContains(conf.status().message(), "carbon.conf"));
    return;
  }
  FUZZ_CHECK(conf->has_relay || conf->has_aggregator);
  // Its rule files are not there: a method that needs them is refused.
  const auto table = ParseCarbonFiles(conf->files);
  if (table.ok()) return CheckTable(**table);
  FUZZ_CHECK(absl::IsInvalidArgument(table.status()));
}

}  // namespace
}  // namespace plumbago::routing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 8192) return 0;
  using plumbago::routing::CarbonProgram;
  const absl::string_view text = plumbago::fuzz::View(data, size);
  for (const auto program :
       {CarbonProgram::kRelay, CarbonProgram::kAggregator, CarbonProgram::kBoth}) {
    plumbago::routing::Try(text, program);
  }
  return 0;
}
