// The terms of a relay's ledger. Whatever multiplies or takes points (rules, destinations) has to
// have its row here, or `plumbagoctl ledger` shows the difference.
#pragma once

#include <vector>

#include "service/ledger_service.h"

namespace plumbago::relay {

inline std::vector<service::LedgerRow> LedgerRows() {
  using Term = v1::LedgerTerm;
  return {
      {"received", Term::IN, "client", "plumbago_points_received_total", "relay"},
      {"replicated", Term::IN, "", "plumbago_relay_points_replicated_total"},
      {"replayed", Term::IN, "disk", "plumbago_relay_points_replayed_total"},
      {"replayed foreign", Term::IN, "disk", "plumbago_relay_destination_points_replayed_total"},
      // What a spool loses was counted as spooled before.
      {"dropped", Term::OUT, "", "plumbago_points_dropped_total", "relay", "spool_damaged"},
      // What the rules give comes back as received, of the protocol "internal".
      {"aggregated", Term::OUT, "", "plumbago_relay_points_aggregated_total"},
      {"forwarded", Term::OUT, "foreign", "plumbago_relay_destination_points_sent_total"},
      {"not sent", Term::OUT, "", "plumbago_relay_destination_points_refused_total"},
      {"acknowledged", Term::OUT, "cache", "plumbago_relay_points_acknowledged_total"},
      {"spooled", Term::OUT, "disk", "plumbago_relay_points_spooled_total"},
      {"spooled foreign", Term::OUT, "disk", "plumbago_relay_destination_points_spooled_total"},
      {"held", Term::HELD, "", "plumbago_relay_points_held"},
      {"resent", Term::RESENT, "cache", "plumbago_relay_points_resent_total"},
  };
}

}  // namespace plumbago::relay
