// plumbagoctl top
#include <poll.h>

#include "absl/time/time.h"
#include "base/status.h"
#include "commands.h"
#include "plumbago/v1/relay_admin.grpc.pb.h"
#include "rpc/server.h"
#include "traffic_view.h"

namespace plumbago::ctl {
namespace {

struct TopArguments {
  std::vector<std::string> relays{"127.0.0.1:7200"};
  std::string by = "prefix";
  uint32_t depth = 2;
  uint32_t limit = 20;
  std::string tenant;
  bool is_watching = false;
  double interval_seconds = 2;
};

struct Relay {
  std::string address;
  std::unique_ptr<v1::RelayAdmin::Stub> stub;
};

v1::TopRequest::By ByOf(const std::string& word) {
  if (word == "tenant") return v1::TopRequest::TENANT;
  return word == "source" ? v1::TopRequest::SOURCE : v1::TopRequest::PREFIX;
}

absl::StatusOr<v1::TopResponse> Ask(const Relay& relay, const v1::TopRequest& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
  v1::TopResponse response;
  const grpc::Status status = relay.stub->Top(&context, request, &response);
  if (status.ok()) return response;
  return ExplainCallError(status, "relay " + relay.address,
                          "start it, or name its gRPC address with --relay");
}

absl::Status ShowOnce(Session& session, const std::vector<Relay>& relays,
                      const TopArguments& arguments) {
  v1::TopRequest request;
  request.set_by(ByOf(arguments.by));
  request.set_depth(arguments.depth);
  request.set_tenant(arguments.tenant);
  // A row may be below the limit on each relay and not in the sum.
  request.set_limit(relays.size() == 1 ? arguments.limit : 1000);
  std::vector<v1::TopResponse> responses;
  for (const Relay& relay : relays) {
    PLUMBAGO_ASSIGN_OR_RETURN(v1::TopResponse response, Ask(relay, request));
    responses.push_back(std::move(response));
  }
  const v1::TopResponse top = MergeTop(responses, arguments.limit);
  if (session.output != "json") {
    // Clears the terminal.
    if (arguments.is_watching) std::cout << "\x1b[H\x1b[2J";
    std::cout << TopSummary(top) << "\n";
  }
  const absl::Status printed = session.Print(top, TopTable(top, request.by()));
  std::cout.flush();
  return printed;
}

absl::Status Top(Session& session, const TopArguments& arguments) {
  std::vector<Relay> relays;
  for (const std::string& address : arguments.relays) {
    relays.push_back({address, v1::RelayAdmin::NewStub(rpc::MakeChannel(address))});
  }
  while (true) {
    PLUMBAGO_RETURN_IF_ERROR(ShowOnce(session, relays, arguments));
    if (!arguments.is_watching || !std::cout) return absl::OkStatus();
    poll(nullptr, 0, static_cast<int>(arguments.interval_seconds * 1000));  // until Ctrl-C
  }
}

}  // namespace

void AddTopCommand(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<TopArguments>();  // shared by the options and the action
  CLI::App& top = *app.add_subcommand(
      "top", "Who sends most: live points, new series, bytes and refusals per second");
  top.footer(
      "Examples:\n"
      "  plumbagoctl top --by prefix --depth 3 --watch\n"
      "  plumbagoctl top --by source --tenant acme\n"
      "  plumbagoctl top --relay 10.0.0.1:7200 --relay 10.0.0.2:7200 --by tenant\n"
      "Figures are of the last ten seconds, from samples where much is sent: +- is their error.");
  top.add_option("--relay", arguments->relays,
                 "host:port of a relay's gRPC, repeatable: their sums are shown")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->envname("PLUMBAGO_RELAY")
      ->capture_default_str();
  top.add_option("--by", arguments->by, "What to sum by")
      ->check(CLI::IsMember({"tenant", "prefix", "source"}))
      ->capture_default_str();
  top.add_option("--depth", arguments->depth, "Nodes of a prefix")
      ->check(CLI::Range(1, 8))
      ->capture_default_str();
  top.add_option("--limit", arguments->limit, "Rows")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  top.add_option("--tenant", arguments->tenant, "Only of this tenant");
  top.add_flag("--watch", arguments->is_watching, "Show it again and again, until Ctrl-C");
  top.add_option("--interval", arguments->interval_seconds, "Seconds between, with --watch")
      ->check(CLI::Range(0.5, 3600.0))
      ->capture_default_str();
  top.callback([&session, arguments] {
    session.action = [&session, arguments] { return Top(session, *arguments); };
  });
}

}  // namespace plumbago::ctl
