// The terms of a cache's ledger.
#pragma once

#include <vector>

#include "service/ledger_service.h"

namespace plumbago::cache {

inline std::vector<service::LedgerRow> LedgerRows() {
  using Term = v1::LedgerTerm;
  return {
      {"received", Term::IN, "relay", "plumbago_points_received_total", "cache"},
      {"replayed", Term::IN, "disk", "plumbago_cache_points_replayed_total"},
      {"dropped", Term::OUT, "", "plumbago_points_dropped_total", "cache"},
      {"merged", Term::OUT, "", "plumbago_cache_points_merged_total"},
      {"stored", Term::OUT, "store", "plumbago_cache_points_stored_total"},
      {"refused by store", Term::OUT, "store", "plumbago_cache_points_refused_by_store_total"},
      // The journal has them too.
      {"pending", Term::HELD, "", "plumbago_cache_points_pending"},
      {"resent", Term::RESENT, "store", "plumbago_cache_flush_points_resent_total"},
      {"in memory", Term::NOTE, "", "plumbago_cache_points_in_memory"},
      {"in journal", Term::NOTE, "", "plumbago_cache_journal_points"},
  };
}

}  // namespace plumbago::cache
