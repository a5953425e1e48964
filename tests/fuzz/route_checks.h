// What holds of every table of rules, whatever it was read from.
#pragma once

#include <cstdint>
#include <set>
#include <utility>

#include "absl/strings/string_view.h"
#include "checks.h"
#include "routing/name_template.h"
#include "routing/route_table.h"

namespace plumbago::routing {

inline constexpr absl::string_view kNames[] = {"a", "servers.web01.cpu.load", "in.a.b;dc=x;rack=y",
                                               "\xc3\xbc.\xe2\x84\xaa", "1.2.3.4.5.6.7.8"};

inline void CheckDecision(const RouteTable& table, const Decision& decision) {
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

inline void CheckTable(const RouteTable& table) {
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

}  // namespace plumbago::routing
