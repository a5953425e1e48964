// Balances the ledgers of relays, caches and stores, and shows them.
//
// Two balances. Within a process: in = out + returned + held, where points that move while it is
// asked may make a difference of what it holds. Between two kinds of processes: what the senders
// had out when they were asked first <= what the receivers have taken <= what the senders had out
// when they were asked last + what they held then + what they sent twice. These bounds hold also
// while points flow, as long as the receivers are asked between the two readings of the senders.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plumbago/v1/ledger.pb.h"

namespace plumbago::ctl {

struct LedgerReading {
  std::string address;  // host:port
  v1::GetLedgerResponse first;
  v1::GetLedgerResponse last;  // the same process, later; in the table
};

struct LedgerBalance {
  std::string what;        // "relay 127.0.0.1:7200" or "relay -> cache"
  int64_t difference = 0;  // points that came and are nowhere; negative: that came from nowhere
  bool is_balanced = true;
  std::string remark;  // what the difference may be, or why it cannot be told
};

struct LedgerView {
  std::vector<LedgerBalance> balances;
  std::string text;  // for people
  bool is_balanced() const;
};

// `readings` of all relays, caches and stores, in this order.
LedgerView BalanceLedgers(const std::vector<LedgerReading>& readings);

}  // namespace plumbago::ctl
