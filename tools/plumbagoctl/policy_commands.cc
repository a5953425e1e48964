// plumbagoctl schema ..., tenant set-policy and get-policy
#include "absl/strings/str_cat.h"
#include "base/file_system.h"
#include "base/status.h"
#include "commands.h"
#include "job_runs.h"
#include "policy_view.h"
#include "stores.h"

namespace plumbago::ctl {
namespace {

constexpr uint64_t kPolicyFileBytesMax = 1 << 20;  // the controller allows less

struct SchemaArguments {
  StoreFlags stores;
  std::string metric;
  std::string pattern;
  size_t limit = 1000;
  bool is_dry_run = false;
  double series_per_second = 0;
};

absl::Status Explain(Session& session, const SchemaArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto holders,
                            stores.HoldersOf(arguments.stores.tenant, arguments.metric));
  v1::ExplainSchemaRequest request;
  request.set_tenant(arguments.stores.tenant);
  request.set_metric(arguments.metric);
  PLUMBAGO_ASSIGN_OR_RETURN(const auto response,
                            holders.front()->Call(&v1::StoreAdmin::Stub::ExplainSchema, request));
  return session.Print(response, ExplanationTable(arguments.metric, response));
}

absl::Status Drift(Session& session, const SchemaArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  v1::ListDriftRequest request;
  request.set_tenant(arguments.stores.tenant);
  request.set_pattern(arguments.pattern);
  DriftReport report(arguments.limit);
  for (const StoreTarget& target : stores.all()) {
    PLUMBAGO_RETURN_IF_ERROR((target.Read<v1::ListDriftRequest, v1::DriftedSeries>(
        &v1::StoreAdmin::Stub::ListDrift, request,
        [&](const v1::DriftedSeries& series) { report.Add(target.shard, series); })));
  }
  if (session.output == "json") {
    std::vector<Session::Part> parts;
    for (const auto& [shard, series] : report.shown()) {
      parts.push_back({absl::StrCat(shard, "/", series.metric()), &series});
    }
    return session.PrintParts(parts);
  }
  if (!report.shown().empty()) std::cout << report.SeriesTable().Format();
  std::cout << report.Summary() << "\n";
  return absl::OkStatus();
}

absl::Status Convert(Session& session, const SchemaArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  v1::StartJobRequest request;
  request.set_tenant(arguments.stores.tenant);
  request.set_dry_run(arguments.is_dry_run);
  request.mutable_convert_series()->set_pattern(arguments.pattern);
  request.mutable_convert_series()->set_series_per_second(arguments.series_per_second);
  PLUMBAGO_ASSIGN_OR_RETURN(const auto jobs, RunJobs(stores, request));
  return PrintJobs(session, jobs);
}

struct PolicyArguments {
  std::string tenant;
  std::string schemas_path;
  std::string aggregation_path;
  bool is_removal = false;
};

absl::StatusOr<std::string> ReadPolicyFile(const std::string& path) {
  if (path.empty()) return std::string();
  return base::ReadWholeFile(*base::MakePosixFileSystem(), path, kPolicyFileBytesMax);
}

absl::Status PrintPolicy(Session& session, const v1::Tenant& tenant) {
  if (session.output == "json") return session.Print(tenant.storage_policy(), Table({""}));
  std::cout << PolicyText(tenant);
  return absl::OkStatus();
}

absl::Status SetPolicy(Session& session, const PolicyArguments& arguments) {
  const bool has_files = !arguments.schemas_path.empty() || !arguments.aggregation_path.empty();
  if (has_files == arguments.is_removal) {
    return absl::InvalidArgumentError(
        "give --schemas FILE, --aggregation FILE or both, or else --remove");
  }
  v1::SetStoragePolicyRequest request;
  request.set_id(arguments.tenant);
  if (has_files) {
    v1::StoragePolicy& policy = *request.mutable_storage_policy();
    PLUMBAGO_ASSIGN_OR_RETURN(*policy.mutable_storage_schemas(),
                              ReadPolicyFile(arguments.schemas_path));
    PLUMBAGO_ASSIGN_OR_RETURN(*policy.mutable_storage_aggregation(),
                              ReadPolicyFile(arguments.aggregation_path));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const v1::Tenant tenant,
                            session.Call(&v1::Tenants::Stub::SetStoragePolicy, request));
  return PrintPolicy(session, tenant);
}

absl::Status GetPolicy(Session& session, const PolicyArguments& arguments) {
  v1::GetTenantRequest request;
  request.set_id(arguments.tenant);
  PLUMBAGO_ASSIGN_OR_RETURN(const v1::Tenant tenant,
                            session.Call(&v1::Tenants::Stub::GetTenant, request));
  return PrintPolicy(session, tenant);
}

template <typename Arguments>
std::function<void()> RunLater(Session& session, std::shared_ptr<Arguments> arguments,
                               absl::Status (*run)(Session&, const Arguments&)) {
  return [&session, arguments, run] {
    session.action = [&session, arguments, run] { return run(session, *arguments); };
  };
}

}  // namespace

void AddSchemaCommands(CLI::App& app, Session& session) {
  CLI::App& schema = *app.add_subcommand(
      "schema", "Which archives series get, which files differ, and converting these");
  schema.require_subcommand(1);
  schema.footer(
      "Examples:\n"
      "  plumbagoctl schema explain servers.web1.cpu\n"
      "  plumbagoctl schema drift 'servers.**' --tenant acme\n"
      "  plumbagoctl schema convert 'servers.**' --tenant acme --dry-run\n"
      "  plumbagoctl schema convert --rate 50");
  auto arguments = std::make_shared<SchemaArguments>();  // shared by the options and the actions
  const auto add_pattern = [&](CLI::App& command) {
    command.add_option("pattern", arguments->pattern,
                       "Series, as for find; a trailing ** takes everything below; all by default");
    AddStoreFlags(command, arguments->stores);
  };
  CLI::App& explain =
      *schema.add_subcommand("explain", "Show which rules a metric matches, and its file");
  explain.add_option("metric", arguments->metric, "Name of the series, canonical where tagged")
      ->required();
  AddStoreFlags(explain, arguments->stores);
  explain.callback(RunLater(session, arguments, Explain));

  CLI::App& drift =
      *schema.add_subcommand("drift", "List series whose files are not what the policy says");
  add_pattern(drift);
  drift.add_option("--limit", arguments->limit, "Most series to show; the sums are of all")
      ->capture_default_str();
  drift.callback(RunLater(session, arguments, Drift));

  CLI::App& convert =
      *schema.add_subcommand("convert", "Give drifted files the layout of the policy");
  add_pattern(convert);
  convert.add_flag("--dry-run", arguments->is_dry_run, "Change nothing; show what would be done");
  convert
      .add_option("--rate", arguments->series_per_second,
                  "Series per second and store; 0: the store's own limit")
      ->check(CLI::NonNegativeNumber);
  convert.callback(RunLater(session, arguments, Convert));
}

void AddPolicyCommands(CLI::App& tenant, Session& session) {
  auto arguments = std::make_shared<PolicyArguments>();  // shared by the options and the actions
  CLI::App& set = *tenant.add_subcommand(
      "set-policy", "Give a tenant its own storage-schemas.conf and storage-aggregation.conf");
  set.add_option("id", arguments->tenant, "Tenant id")->required();
  set.add_option("--schemas", arguments->schemas_path,
                 "Path of a storage-schemas.conf; without it all series get 60s:7d");
  set.add_option("--aggregation", arguments->aggregation_path,
                 "Path of a storage-aggregation.conf; without it all series get average and 0.5");
  set.add_flag("--remove", arguments->is_removal, "Take the policy away: the stores' files decide");
  set.callback(RunLater(session, arguments, SetPolicy));

  CLI::App& get = *tenant.add_subcommand("get-policy", "Show a tenant's own storage policy");
  get.add_option("id", arguments->tenant, "Tenant id")->required();
  get.callback(RunLater(session, arguments, GetPolicy));
}

}  // namespace plumbago::ctl
