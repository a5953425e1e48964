// The terms of a store's ledger.
#pragma once

#include <vector>

#include "service/ledger_service.h"

namespace plumbago::store_service {

inline std::vector<service::LedgerRow> LedgerRows() {
  using Term = v1::LedgerTerm;
  return {
      {"received", Term::IN, "cache", "plumbago_points_received_total", "store"},
      {"stored", Term::OUT, "disk", "plumbago_store_points_stored_total"},
      {"dropped", Term::OUT, "", "plumbago_points_dropped_total", "store"},
      {"returned", Term::RETURNED, "cache", "plumbago_store_points_returned_total"},
      {"queued", Term::HELD, "", "plumbago_store_queued_points"},
  };
}

}  // namespace plumbago::store_service
