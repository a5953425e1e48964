// The rules files: what is refused is refused with file and line, and with what is taken every name
// gets a decision that holds together. The first byte of the input chooses the file.
#include <cstring>

#include "absl/strings/match.h"
#include "checks.h"
#include "route_checks.h"
#include "routing/carbon_c_relay.h"
#include "routing/carbon_files.h"

namespace plumbago::routing {
namespace {

void CheckRefusal(const absl::Status& status) {
  FUZZ_CHECK(absl::IsInvalidArgument(status));
  // A default rule that is missing has no line.
  FUZZ_CHECK(absl::StrContains(status.message(), " line ") ||
             absl::StrContains(status.message(), "default = true"));
}

void TryCarbonFile(int index, absl::string_view text) {
  CarbonFiles files;
  CarbonFiles::File* const choices[] = {&files.blacklist, &files.whitelist, &files.rewrite_rules,
                                        &files.aggregation_rules, &files.relay_rules};
  choices[index]->text = std::string(text);
  if (index == 4) files.method = RelayMethod::kRules;
  const auto table = ParseCarbonFiles(files);
  table.ok() ? CheckTable(**table) : CheckRefusal(table.status());
}

void TryCarbonCRelay(absl::string_view text) {
  const auto config = ParseCarbonCRelayConfig(text, "relay.conf", {});
  config.ok() ? CheckTable(*config->table) : CheckRefusal(config.status());
}

}  // namespace
}  // namespace plumbago::routing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 8192) return 0;
  const absl::string_view text = plumbago::fuzz::View(data + 1, size - 1);
  // Letters, so that the corpus can be read: b, w, r, a, d are carbon's, others carbon-c-relay's.
  const char* const kinds = "bwrad";
  const char* const kind = std::strchr(kinds, data[0]);
  if (data[0] != 0 && kind != nullptr) {
    plumbago::routing::TryCarbonFile(static_cast<int>(kind - kinds), text);
  } else {
    plumbago::routing::TryCarbonCRelay(text);
  }
  return 0;
}
