// plumbagoctl quota ...
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "commands.h"
#include "policy_view.h"
#include "stores.h"
#include "topology_view.h"

namespace plumbago::ctl {
namespace {

struct QuotaArguments {
  std::string tenant;
  std::string prefix;
  uint64_t series_max = 0;
  uint64_t bytes_max = 0;
  StoreFlags stores;
};

absl::Status Put(Session& session, const QuotaArguments& arguments) {
  v1::SetPrefixQuotaRequest request;
  request.set_id(arguments.tenant);
  request.mutable_quota()->set_prefix(arguments.prefix);
  request.mutable_quota()->set_series(arguments.series_max);
  request.mutable_quota()->set_bytes(arguments.bytes_max);
  PLUMBAGO_ASSIGN_OR_RETURN(const v1::Tenant tenant,
                            session.Call(&v1::Tenants::Stub::SetPrefixQuota, request));
  Table table({"PREFIX", "SERIES", "BYTES"});
  for (const v1::PrefixQuota& quota : tenant.prefix_quota()) {
    table.Add({quota.prefix(), quota.series() == 0 ? "" : absl::StrCat(quota.series()),
               quota.bytes() == 0 ? "" : absl::StrCat(quota.bytes())});
  }
  return session.Print(tenant, table);
}

absl::Status Set(Session& session, const QuotaArguments& arguments) {
  if (arguments.series_max != 0 || arguments.bytes_max != 0) return Put(session, arguments);
  return absl::InvalidArgumentError(
      "give --series or --bytes of more than 0; plumbagoctl quota remove takes a quota away");
}

absl::StatusOr<uint32_t> ReplicationFactor(Session& session, const StoreFlags& flags) {
  // What one store has is shown as it is.
  if (!flags.addresses.empty() || !flags.shard.empty()) return 1;
  PLUMBAGO_ASSIGN_OR_RETURN(const auto topology, session.Call(&v1::Topology::Stub::GetTopology,
                                                              v1::GetTopologyRequest()));
  return ReplicationFactorOf(topology);
}

absl::Status List(Session& session, const QuotaArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  PLUMBAGO_ASSIGN_OR_RETURN(const uint32_t replication_factor,
                            ReplicationFactor(session, arguments.stores));
  v1::ListQuotasRequest request;
  request.set_tenant(arguments.tenant);
  std::vector<v1::ListQuotasResponse> responses;
  for (const StoreTarget& target : stores.all()) {
    PLUMBAGO_ASSIGN_OR_RETURN(auto response,
                              target.Call(&v1::StoreAdmin::Stub::ListQuotas, request));
    responses.push_back(std::move(response));
  }
  if (session.output != "json") {
    std::cout << QuotaTable(responses, replication_factor).Format();
    return absl::OkStatus();
  }
  std::vector<Session::Part> parts;
  for (size_t i = 0; i < responses.size(); ++i) {
    parts.push_back({stores.all()[i].shard, &responses[i]});
  }
  return session.PrintParts(parts);
}

}  // namespace

void AddQuotaCommands(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<QuotaArguments>();  // shared by the options and the actions
  const auto run_later = [&session,
                          arguments](absl::Status (*run)(Session&, const QuotaArguments&)) {
    return [&session, arguments, run] {
      session.action = [&session, arguments, run] { return run(session, *arguments); };
    };
  };
  CLI::App& quota = *app.add_subcommand(
      "quota", "Limit the series and bytes below a prefix; new series over it are refused");
  quota.require_subcommand(1);
  quota.footer(
      "Examples:\n"
      "  plumbagoctl quota set acme servers.web --series 10000 --bytes 2000000000\n"
      "  plumbagoctl quota list --tenant acme\n"
      "  plumbagoctl quota remove acme servers.web\n"
      "The quota of a whole tenant: plumbagoctl tenant update acme --series N --disk-bytes N");
  const auto add_place = [&](CLI::App& command) {
    command.add_option("tenant", arguments->tenant, "Tenant id")->required();
    command
        .add_option("prefix", arguments->prefix,
                    "Whole nodes: servers.web covers servers.web.cpu, not servers.web2.cpu; "
                    "_tagged covers all tagged series")
        ->required();
  };
  CLI::App& set = *quota.add_subcommand("set", "Set or replace the quota of a prefix");
  add_place(set);
  set.add_option("--series", arguments->series_max, "Most series; 0: no limit");
  set.add_option("--bytes", arguments->bytes_max, "Most bytes of whisper files; 0: no limit");
  set.callback(run_later(Set));

  CLI::App& remove = *quota.add_subcommand("remove", "Take the quota of a prefix away");
  add_place(remove);
  remove.callback(run_later(Put));

  CLI::App& list = *quota.add_subcommand("list", "Show quotas and what is used of them");
  list.add_option("--tenant", arguments->tenant, "Only of this tenant");
  AddShardFlags(list, arguments->stores);
  list.callback(run_later(List));
}

}  // namespace plumbago::ctl
