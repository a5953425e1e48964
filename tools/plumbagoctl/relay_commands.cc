// plumbagoctl relay ...
#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "commands.h"
#include "plumbago/v1/relay_admin.grpc.pb.h"
#include "rpc/server.h"

namespace plumbago::ctl {
namespace {

// A reload compares up to a million series.
constexpr std::chrono::seconds kReloadDeadline{120};

struct RelayArguments {
  std::vector<std::string> addresses;
  std::string metric;
  std::string tenant;
  bool is_dry_run = false;
  uint32_t changes_max = 20;
};

template <typename Request, typename Response>
absl::StatusOr<Response> CallRelay(
    const std::string& address, std::chrono::seconds deadline,
    grpc::Status (v1::RelayAdmin::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    const Request& request) {
  const auto stub = v1::RelayAdmin::NewStub(rpc::MakeChannel(address));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + deadline);
  Response response;
  const grpc::Status status = (stub.get()->*method)(&context, request, &response);
  if (status.ok()) return response;
  // A relay that answers says itself that it is not ready.
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE &&
      status.error_message().find("slot map") != std::string::npos) {
    return absl::UnavailableError(absl::StrCat("relay ", address, ": ", status.error_message()));
  }
  return ExplainCallError(status, absl::StrCat("relay ", address),
                          "start it, or name another with --relay");
}

// Asks each relay, prints what each answers, and fails where one did.
template <typename Response, typename Ask, typename Show>
absl::Status AskEach(Session& session, const RelayArguments& arguments, const Ask& ask,
                     const Show& show) {
  std::vector<Response> responses;
  std::vector<std::string> addresses;
  absl::Status first_fault;
  for (const std::string& address : arguments.addresses) {
    absl::StatusOr<Response> response = ask(address);
    if (response.ok()) {
      responses.push_back(*std::move(response));
      addresses.push_back(address);
      continue;
    }
    const absl::Status fault = base::Annotate(response.status(), absl::StrCat("relay ", address));
    if (!first_fault.ok()) std::cerr << "plumbagoctl: " << std::string(fault.message()) << "\n";
    if (first_fault.ok()) first_fault = fault;
  }
  if (session.output == "json") {
    std::vector<Session::Part> parts;
    for (size_t i = 0; i < responses.size(); ++i) parts.push_back({addresses[i], &responses[i]});
    PLUMBAGO_RETURN_IF_ERROR(session.PrintParts(parts));
    return first_fault;
  }
  for (size_t i = 0; i < responses.size(); ++i) {
    if (arguments.addresses.size() > 1) std::cout << "relay " << addresses[i] << "\n";
    show(responses[i]);
  }
  return first_fault;
}

void ShowReload(const v1::ReloadRulesResponse& response) {
  for (const std::string& warning : response.warnings())
    std::cerr << "warning: " << warning << "\n";
  if (response.applied()) {
    std::cout << response.rule_count() << " rules are in force\n";
    return;
  }
  std::cout << response.rule_count() << " rules, no fault; of " << response.compared_metrics()
            << " live series " << response.changed_metrics() << " would be treated otherwise\n";
  if (response.changes().empty()) return;
  Table table({"METRIC", "NOW", "THEN"});
  for (const auto& change : response.changes()) {
    table.Add({change.metric(), change.before(), change.after()});
  }
  std::cout << table.Format();
  const uint64_t more = response.changed_metrics() - static_cast<uint64_t>(response.changes_size());
  if (more > 0) std::cout << "and " << more << " more; --changes N lists N\n";
}

absl::Status Reload(Session& session, const RelayArguments& arguments) {
  v1::ReloadRulesRequest request;
  request.set_dry_run(arguments.is_dry_run);
  request.set_changes_max(arguments.changes_max);
  return AskEach<v1::ReloadRulesResponse>(
      session, arguments,
      [&](const std::string& address) {
        return CallRelay(address, kReloadDeadline, &v1::RelayAdmin::Stub::ReloadRules, request);
      },
      ShowReload);
}

void ShowExplanation(const v1::ExplainResponse& response) {
  std::cout << "tenant     " << response.tenant() << "\ncanonical  " << response.canonical()
            << "\n";
  std::vector<std::string> limits;
  for (const auto& limit : response.limits()) {
    limits.push_back(absl::StrCat(limit.name(), " ", limit.value(), " (", limit.origin(), ")"));
  }
  std::cout << "limits     " << absl::StrJoin(limits, ", ") << "\n\n";
  Table steps({"RULE", "WHAT IT DOES"});
  for (const auto& step : response.steps()) steps.Add({step.source(), step.text()});
  std::cout << steps.Format();
  if (!response.targets().empty()) {
    Table targets({"GOES TO", "AS", "STATE", "IF"});
    for (const auto& target : response.targets()) {
      targets.Add({target.name(), target.metric(), target.state(), target.condition()});
    }
    std::cout << "\n" << targets.Format() << "slot " << response.slot() << "\n";
  }
  for (const std::string& output : response.aggregate()) {
    std::cout << "\nfeeds the aggregate " << output;
  }
  if (!response.aggregate().empty()) std::cout << "\n";
  if (!response.drop_reason().empty()) {
    std::cout << "\nits points are dropped as " << response.drop_reason() << " (docs/errors.md)\n";
  }
}

absl::Status Explain(Session& session, const RelayArguments& arguments) {
  v1::ExplainRequest request;
  request.set_tenant(arguments.tenant);
  request.set_metric(arguments.metric);
  return AskEach<v1::ExplainResponse>(
      session, arguments,
      [&](const std::string& address) {
        return CallRelay(address, kCallDeadline, &v1::RelayAdmin::Stub::Explain, request);
      },
      ShowExplanation);
}

void AddRelayFlag(CLI::App& command, RelayArguments& arguments) {
  command
      .add_option("--relay", arguments.addresses,
                  "host:port of a relay's gRPC, repeatable (default 127.0.0.1:7200)")
      ->envname("PLUMBAGO_RELAY")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace

void AddRelayCommands(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<RelayArguments>();  // shared by the options and the actions
  const auto run_later = [&session,
                          arguments](absl::Status (*run)(Session&, const RelayArguments&)) {
    return [&session, arguments, run] {
      if (arguments->addresses.empty()) arguments->addresses.push_back("127.0.0.1:7200");
      session.action = [&session, arguments, run] { return run(session, *arguments); };
    };
  };
  CLI::App& relay = *app.add_subcommand("relay", "Ask relays what they do, and reload their rules");
  relay.require_subcommand(1);
  relay.footer(
      "Examples:\n"
      "  plumbagoctl relay explain servers.web1.cpu\n"
      "  plumbagoctl relay reload --dry-run        what would change, for the series that are "
      "live\n"
      "  plumbagoctl relay reload --relay 10.0.0.1:7200 --relay 10.0.0.2:7200\n"
      "The rules themselves are files that each relay reads: docs/routing.md.");

  CLI::App& reload = *relay.add_subcommand(
      "reload", "Read the rule files again; faulty ones leave those before in force");
  AddRelayFlag(reload, *arguments);
  reload.add_flag("--dry-run", arguments->is_dry_run,
                  "Only check the files, and show which live series they would treat otherwise");
  reload.add_option("--changes", arguments->changes_max, "Series to list with --dry-run")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  reload.callback(run_later(Reload));

  CLI::App& explain = *relay.add_subcommand(
      "explain", "Show the rules that a metric meets, and where its points go");
  explain.add_option("metric", arguments->metric, "As senders write it, without a key")->required();
  explain.add_option("--tenant", arguments->tenant,
                     "Tenant id; default: the relay's default tenant");
  AddRelayFlag(explain, *arguments);
  explain.callback(run_later(Explain));
}

}  // namespace plumbago::ctl
