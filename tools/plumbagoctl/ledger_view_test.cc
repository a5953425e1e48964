// Proves the two balances of a ledger: within a process, and from one kind of process to the next.
#include "ledger_view.h"

#include <catch2/catch.hpp>

namespace plumbago::ctl {
namespace {

using Term = v1::LedgerTerm;

struct Entry {
  const char* name;
  Term::Side side;
  const char* peer;
  uint64_t points;
};

LedgerReading Reading(const char* service, const std::vector<Entry>& entries,
                      int64_t started_unix_ms = 1'000) {
  LedgerReading reading;
  reading.address = "h:1";
  reading.first.set_service(service);
  reading.first.set_start_id("a");
  reading.first.set_started_unix_ms(started_unix_ms);
  for (const Entry& entry : entries) {
    Term* const term = reading.first.add_term();
    term->set_name(entry.name);
    term->set_side(entry.side);
    term->set_peer(entry.peer);
    term->set_points(entry.points);
  }
  reading.last = reading.first;
  return reading;
}

LedgerReading Relay(uint64_t received, uint64_t acknowledged, uint64_t held, uint64_t resent = 0,
                    int64_t started_unix_ms = 1'000) {
  return Reading("relay",
                 {{"received", Term::IN, "client", received},
                  {"acknowledged", Term::OUT, "cache", acknowledged},
                  {"held", Term::HELD, "", held},
                  {"resent", Term::RESENT, "cache", resent}},
                 started_unix_ms);
}

LedgerReading Cache(uint64_t received, int64_t started_unix_ms = 1'000) {
  return Reading("cache",
                 {{"received", Term::IN, "relay", received}, {"pending", Term::HELD, "", received}},
                 started_unix_ms);
}

// Of relay, cache, the way between them, and that to the stores.
std::vector<LedgerBalance> Balance(const LedgerReading& relay, const LedgerReading& cache) {
  auto balances = BalanceLedgers({relay, cache}).balances;
  REQUIRE(balances.size() == 4);
  return balances;
}

TEST_CASE("A ledger balances where every point is somewhere", "[plumbagoctl]") {
  for (const LedgerBalance& balance : Balance(Relay(100, 90, 10), Cache(90))) {
    CHECK(balance.is_balanced);
    CHECK(balance.difference == 0);
  }
}

TEST_CASE("A point that is nowhere within a process is shown", "[plumbagoctl]") {
  const auto balances = Balance(Relay(100, 99, 0), Cache(99));
  CHECK_FALSE(balances[0].is_balanced);
  CHECK(balances[0].difference == 1);
  CHECK(balances[2].is_balanced);
}

TEST_CASE("A point that was acknowledged and never taken is shown", "[plumbagoctl]") {
  const auto balances = Balance(Relay(100, 100, 0), Cache(99));
  CHECK_FALSE(balances[2].is_balanced);
  CHECK(balances[2].difference == 1);
  CHECK(balances[2].remark == "points are missing that a cache has acknowledged");
}

TEST_CASE("A receiver may have what is on the way or was sent twice, and no more",
          "[plumbagoctl]") {
  CHECK(Balance(Relay(100, 90, 10), Cache(100))[2].is_balanced);
  CHECK(Balance(Relay(90, 90, 0, 10), Cache(100))[2].is_balanced);
  CHECK_FALSE(Balance(Relay(90, 90, 0, 9), Cache(100))[2].is_balanced);
}

TEST_CASE("What flows between two readings of the senders is no difference", "[plumbagoctl]") {
  LedgerReading relay = Relay(100, 100, 0);
  relay.last.mutable_term(0)->set_points(200);
  relay.last.mutable_term(1)->set_points(200);
  CHECK(Balance(relay, Cache(150))[2].is_balanced);
  CHECK_FALSE(Balance(relay, Cache(99))[2].is_balanced);
  CHECK_FALSE(Balance(relay, Cache(201))[2].is_balanced);
}

TEST_CASE("A restart that may explain a difference is named, and nothing is called balanced",
          "[plumbagoctl]") {
  const auto cache_restarted = Balance(Relay(100, 100, 0), Cache(10, /*started_unix_ms=*/2'000));
  CHECK_FALSE(cache_restarted[2].is_balanced);
  CHECK(cache_restarted[2].remark ==
        "a cache has started after a relay: what the process before it took is not counted");
  const auto relay_restarted = Balance(Relay(10, 10, 0, 0, 2'000), Cache(100));
  CHECK_FALSE(relay_restarted[2].is_balanced);
  CHECK(relay_restarted[2].remark ==
        "a cache took points that no relay named here has counted; a relay has started after it, "
        "and what a process before that sent is not counted");
}

TEST_CASE("What a receiver gave back is not taken", "[plumbagoctl]") {
  LedgerReading cache = Reading("cache", {{"received", Term::IN, "relay", 50},
                                          {"stored", Term::OUT, "store", 40},
                                          {"pending", Term::HELD, "", 10}});
  LedgerReading store = Reading("store", {{"received", Term::IN, "cache", 45},
                                          {"stored", Term::OUT, "disk", 40},
                                          {"returned", Term::RETURNED, "cache", 5}});
  const LedgerView view = BalanceLedgers({Relay(50, 50, 0), cache, store});
  CHECK(view.is_balanced());
  CHECK(view.balances.back().difference == 0);
}

}  // namespace
}  // namespace plumbago::ctl
