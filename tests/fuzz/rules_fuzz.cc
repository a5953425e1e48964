// The rules files: what is refused is refused with file and line, and with what is taken every name
// gets a decision that holds together. The first byte of the input chooses the file.
#include <cstring>
#include <set>

#include "absl/strings/match.h"
#include "checks.h"
#include "routing/carbon_c_relay.h"
#include "routing/carbon_files.h"
#include "routing/name_template.h"

namespace plumbago::routing {
namespace {

constexpr absl::string_view kNames[] = {"a", "servers.web01.cpu.load", "in.a.b;dc=x;rack=y",
                                        "\xc3\xbc.\xe2\x84\xaa", "1.2.3.4.5.6.7.8"};

void CheckDecision(const RouteTable& table, const Decision& decision) {
  const bool goes_nowhere = decision.sends.empty() && decision.feeds.empty();
  FUZZ_CHECK(goes_nowhere == (decision.drop_reason != DropReason::kNone));
  std::set<std::pair<uint32_t, uint32_t>> unconditional;
  for (const Decision::Send& send : decision.sends) {
    FUZZ_CHECK(send.group < table.groups().size());
    FUZZ_CHECK(send.name < decision.names.size());
    FUZZ_CHECK((send.required & ~decision.checks) == 0);
    for (const uint32_t endpoint : send.endpoints) {
      FUZZ_CHECK(endpoint < table.endpoints().size());
      if (send.required == 0) FUZZ_CHECK(unconditional.emplace(send.name, endpoint).second);
    }
  }
  for (const Decision::Feed& feed : decision.feeds) {
    FUZZ_CHECK(feed.aggregate < table.aggregates().size());
    FUZZ_CHECK(feed.name.size() <= kBuiltNameBytesMax);
  }
}

void CheckTable(const RouteTable& table) {
  for (const absl::string_view name : kNames) {
    const Decision decision = table.Decide(name);
    CheckDecision(table, decision);
    FUZZ_CHECK(table.Explain(name).back().text == Describe(table, decision));
    table.PassedChecks(decision.checks, "1.5 1700000000");
  }
  for (const auto& spec : table.aggregates()) {
    CheckDecision(table, table.DecideAggregate(*spec, "out.name"));
  }
}

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
