#include "ledger_view.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "table.h"

namespace plumbago::ctl {
namespace {

using Term = v1::LedgerTerm;

int64_t Sum(const v1::GetLedgerResponse& ledger, Term::Side side) {
  int64_t points = 0;
  for (const Term& term : ledger.term()) {
    if (term.side() == side) points += static_cast<int64_t>(term.points());
  }
  return points;
}

int64_t Sum(const v1::GetLedgerResponse& ledger, Term::Side side, const std::string& peer) {
  int64_t points = 0;
  for (const Term& term : ledger.term()) {
    if (term.side() == side && term.peer() == peer) points += static_cast<int64_t>(term.points());
  }
  return points;
}

std::string SideWord(Term::Side side) {
  switch (side) {
    case Term::IN:
      return "in";
    case Term::OUT:
      return "out";
    case Term::HELD:
      return "held";
    case Term::RETURNED:
      return "returned";
    case Term::RESENT:
      return "resent";
    default:
      return "";
  }
}

// "since" matters: a ledger knows nothing of the processes before.
std::string Since(const LedgerReading& reading) {
  return absl::StrCat(reading.last.service(), " ", reading.address, " since ",
                      FormatUnixMs(reading.last.started_unix_ms()));
}

bool HasRestarted(const LedgerReading& reading) {
  return reading.first.start_id() != reading.last.start_id();
}

LedgerBalance BalanceWithin(const LedgerReading& reading) {
  const v1::GetLedgerResponse& ledger = reading.last;
  const int64_t held = Sum(ledger, Term::HELD);
  LedgerBalance balance;
  balance.what = absl::StrCat(ledger.service(), " ", reading.address);
  balance.difference =
      Sum(ledger, Term::IN) - Sum(ledger, Term::OUT) - Sum(ledger, Term::RETURNED) - held;
  balance.is_balanced = std::abs(balance.difference) <= held;
  if (balance.difference != 0 && balance.is_balanced) balance.remark = "on the move";
  return balance;
}

// What the receivers have taken, and the bounds for it.
struct Flow {
  int64_t taken = 0;
  int64_t at_least = 0;
  int64_t at_most = 0;
  int64_t resent = 0;
  int64_t last_receiver_start = 0;
  int64_t first_sender_start = INT64_MAX;
  int64_t last_sender_start = 0;
  int64_t first_receiver_start = INT64_MAX;
  bool has_restarted = false;
};

Flow FlowBetween(const std::vector<LedgerReading>& readings, const std::string& sender,
                 const std::string& receiver) {
  Flow flow;
  for (const LedgerReading& reading : readings) {
    const int64_t start = reading.last.started_unix_ms();
    if (reading.last.service() == sender) {
      const int64_t resent = Sum(reading.last, Term::RESENT, receiver);
      flow.at_least += Sum(reading.first, Term::OUT, receiver);
      flow.at_most +=
          Sum(reading.last, Term::OUT, receiver) + Sum(reading.last, Term::HELD) + resent;
      flow.resent += resent;
      flow.first_sender_start = std::min(flow.first_sender_start, start);
      flow.last_sender_start = std::max(flow.last_sender_start, start);
      flow.has_restarted = flow.has_restarted || HasRestarted(reading);
    } else if (reading.last.service() == receiver) {
      flow.taken +=
          Sum(reading.first, Term::IN, sender) - Sum(reading.first, Term::RETURNED, sender);
      flow.first_receiver_start = std::min(flow.first_receiver_start, start);
      flow.last_receiver_start = std::max(flow.last_receiver_start, start);
      flow.has_restarted = flow.has_restarted || HasRestarted(reading);
    }
  }
  return flow;
}

LedgerBalance BalanceBetween(const std::vector<LedgerReading>& readings, const std::string& sender,
                             const std::string& receiver) {
  const Flow flow = FlowBetween(readings, sender, receiver);
  LedgerBalance balance;
  balance.what = absl::StrCat(sender, " -> ", receiver);
  balance.difference = flow.at_least - flow.taken;
  balance.is_balanced = flow.at_least <= flow.taken && flow.taken <= flow.at_most;
  if (balance.is_balanced) {
    if (balance.difference < 0) {
      balance.remark = absl::StrCat(-balance.difference, " on the way or sent twice");
      if (flow.resent > 0) absl::StrAppend(&balance.remark, " (", flow.resent, " were sent again)");
    }
  } else if (flow.has_restarted) {
    balance.remark = "a process has restarted while it was asked; ask again";
  } else if (flow.taken < flow.at_least) {
    balance.remark =
        flow.last_receiver_start > flow.first_sender_start
            ? absl::StrCat("a ", receiver, " has started after a ", sender,
                           ": what the process before it took is not counted")
            : absl::StrCat("points are missing that a ", receiver, " has acknowledged");
  } else {
    balance.remark =
        absl::StrCat("a ", receiver, " took points that no ", sender, " named here has counted");
    if (flow.last_sender_start > flow.first_receiver_start) {
      absl::StrAppend(&balance.remark, "; a ", sender, " has started after it, and what a process ",
                      "before that sent is not counted");
    }
  }
  return balance;
}

void AddRows(const LedgerReading& reading, Table& table) {
  std::map<std::tuple<int, std::string, std::string, std::string>, uint64_t> sums;
  for (const Term& term : reading.last.term()) {
    const int order = term.side() == Term::SIDE_UNSPECIFIED ? Term::NOTE : term.side();
    sums[{order, term.name(), term.peer(), term.reason()}] += term.points();
  }
  std::string process = absl::StrCat(reading.last.service(), " ", reading.address);
  for (const auto& [key, points] : sums) {
    const auto& [side, name, peer, reason] = key;
    table.Add({process, SideWord(static_cast<Term::Side>(side)), name, peer, reason,
               absl::StrCat(points)});
  }
  if (sums.empty()) table.Add({process, "", "", "", "", "0"});
}

}  // namespace

bool LedgerView::is_balanced() const {
  return std::all_of(balances.begin(), balances.end(),
                     [](const LedgerBalance& balance) { return balance.is_balanced; });
}

LedgerView BalanceLedgers(const std::vector<LedgerReading>& readings) {
  LedgerView view;
  Table terms({"PROCESS", "SIDE", "TERM", "PEER", "REASON", "POINTS"});
  for (const LedgerReading& reading : readings) {
    AddRows(reading, terms);
    view.balances.push_back(BalanceWithin(reading));
    absl::StrAppend(&view.text, Since(reading),
                    reading.last.previous_stop_was_unclean()
                        ? "; the process before it was killed or crashed\n"
                        : "\n");
  }
  view.balances.push_back(BalanceBetween(readings, "relay", "cache"));
  view.balances.push_back(BalanceBetween(readings, "cache", "store"));
  absl::StrAppend(&view.text, "\n", terms.Format(), "\n");
  Table balances({"BALANCE", "DIFFERENCE", "VERDICT", "REMARK"});
  for (const LedgerBalance& balance : view.balances) {
    balances.Add({balance.what, absl::StrCat(balance.difference),
                  balance.is_balanced ? "balanced" : "NOT BALANCED", balance.remark});
  }
  absl::StrAppend(&view.text, balances.Format());
  return view;
}

}  // namespace plumbago::ctl
