// plumbagoctl ledger
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status.h"
#include "commands.h"
#include "ledger_view.h"
#include "plumbago/v1/ledger.grpc.pb.h"
#include "rpc/server.h"
#include "service/command_line.h"
#include "topology/slot_map.h"

namespace plumbago::ctl {
namespace {

constexpr absl::Duration kAskAgainAfter = absl::Milliseconds(200);

struct LedgerFlags {
  std::vector<std::string> relays = {"127.0.0.1:7200"};
  double wait_seconds = 5;
};

struct Process {
  std::string service;
  std::string address;
  std::unique_ptr<v1::Ledger::Stub> stub;
};

absl::Status Ask(const Process& process, v1::GetLedgerResponse* response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
  response->Clear();
  const grpc::Status status = process.stub->GetLedger(&context, {}, response);
  if (status.ok()) return absl::OkStatus();
  const std::string mend = process.service == "relay" ? "start it, or name the relays with --relay"
                                                      : "start it, or exclude its shard";
  return ExplainCallError(status, absl::StrCat(process.service, " ", process.address), mend);
}

// Relays, caches, stores: the order of BalanceLedgers.
absl::StatusOr<std::vector<Process>> FindProcesses(Session& session, const LedgerFlags& flags) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto topology, session.Call(&v1::Topology::Stub::GetTopology,
                                                              v1::GetTopologyRequest()));
  std::vector<Process> processes;
  const auto add = [&](const std::string& service, const std::string& address) {
    processes.push_back({service, address, v1::Ledger::NewStub(rpc::MakeChannel(address))});
  };
  for (const std::string& relay : flags.relays) add("relay", relay);
  for (const v1::Shard& shard : topology.shard()) {
    if (shard.state() == v1::Shard::EXCLUDED) {
      std::cerr << "shard " << shard.id() << " is excluded and not asked\n";
    } else {
      add("cache", shard.cache_address());
    }
  }
  for (const v1::Shard& shard : topology.shard()) {
    if (shard.state() != v1::Shard::EXCLUDED) add("store", shard.store_address());
  }
  return processes;
}

// Senders before and after their receivers, as BalanceLedgers wants it.
absl::StatusOr<LedgerView> Balance(const std::vector<Process>& processes) {
  std::vector<LedgerReading> readings(processes.size());
  for (size_t i = 0; i < processes.size(); ++i) {
    readings[i].address = processes[i].address;
    PLUMBAGO_RETURN_IF_ERROR(Ask(processes[i], &readings[i].first));
  }
  for (size_t i = processes.size(); i-- > 0;) {
    PLUMBAGO_RETURN_IF_ERROR(Ask(processes[i], &readings[i].last));
  }
  return BalanceLedgers(readings);
}

void PrintView(const Session& session, const LedgerView& view) {
  if (session.output != "json") {
    std::cout << view.text;
    return;
  }
  auto balances = nlohmann::ordered_json::array();
  for (const LedgerBalance& balance : view.balances) {
    balances.push_back({{"what", balance.what},
                        {"difference", balance.difference},
                        {"is_balanced", balance.is_balanced},
                        {"remark", balance.remark}});
  }
  std::cout << nlohmann::ordered_json({{"balances", balances}}).dump(1) << "\n";
}

absl::Status RunLedger(Session& session, const LedgerFlags& flags) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto processes, FindProcesses(session, flags));
  base::SystemClock clock;
  const absl::Duration end = clock.Monotonic() + absl::Seconds(flags.wait_seconds);
  for (;;) {
    PLUMBAGO_ASSIGN_OR_RETURN(const LedgerView view, Balance(processes));
    if (!view.is_balanced() && clock.Monotonic() < end) {
      absl::SleepFor(kAskAgainAfter);
      continue;
    }
    PrintView(session, view);
    if (view.is_balanced()) return absl::OkStatus();
    return absl::FailedPreconditionError("the ledger does not balance: see the remarks");
  }
}

}  // namespace

void AddLedgerCommands(CLI::App& app, Session& session) {
  auto flags = std::make_shared<LedgerFlags>();  // shared by the options and the action
  CLI::App& ledger =
      *app.add_subcommand("ledger", "Balance what relays, caches and stores did with all points");
  ledger.footer(
      "Examples:\n"
      "  plumbagoctl ledger\n"
      "  plumbagoctl ledger --relay 10.0.0.7:7200 --relay 10.0.0.8:7200\n"
      "Exit code 1 where more is missing than is on the way. A ledger covers the life of the\n"
      "processes; the remarks say where a restart has cut it. Name all relays.");
  ledger.add_option("--relay", flags->relays, "host:port of a relay's gRPC, repeatable")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->capture_default_str();
  ledger
      .add_option("--wait", flags->wait_seconds,
                  "Seconds to ask again for, while points on the move keep it from balancing")
      ->check(CLI::Range(0.0, 600.0))
      ->capture_default_str();
  ledger.callback([&session, flags] {
    session.action = [&session, flags] { return RunLedger(session, *flags); };
  });
}

}  // namespace plumbago::ctl
