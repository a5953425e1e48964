// plumbagoctl tenant ...
#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "commands.h"

namespace plumbago::ctl {
namespace {

using Stub = v1::Tenants::Stub;

struct LimitFlag {
  const char* name;  // the flag without dashes, and the field with underscores
  const char* help;
  void (v1::Limits::*set)(uint64_t);
  bool (v1::Limits::*has)() const;
  uint64_t (v1::Limits::*get)() const;
};

// The accessors that protobuf generates for an optional field.
#define PLUMBAGO_LIMIT(field, help) \
  { #field, help, &v1::Limits::set_##field, &v1::Limits::has_##field, &v1::Limits::field }
const LimitFlag kLimits[] = {
    PLUMBAGO_LIMIT(points_per_second, "Points accepted per second"),
    PLUMBAGO_LIMIT(new_series_per_second, "Series created per second"),
    PLUMBAGO_LIMIT(series, "Series stored"),
    PLUMBAGO_LIMIT(disk_bytes, "Bytes of whisper files"),
    PLUMBAGO_LIMIT(concurrent_queries, "Queries at the same time"),
    PLUMBAGO_LIMIT(series_per_query, "Series read by one query"),
    PLUMBAGO_LIMIT(points_per_query, "Points read by one query"),
    PLUMBAGO_LIMIT(name_bytes_max, "Bytes of a name, tags included"),
    PLUMBAGO_LIMIT(connections, "Connections to each relay"),
    PLUMBAGO_LIMIT(targets_per_query, "Targets of one query"),
    PLUMBAGO_LIMIT(memory_bytes_per_query, "Bytes of points that one query holds"),
    PLUMBAGO_LIMIT(seconds_per_query, "Seconds that one query may take"),
};
#undef PLUMBAGO_LIMIT

struct TenantArguments {
  std::string id;
  std::optional<std::string> display_name;
  v1::Limits limits;
  bool has_limits = false;
};

std::string FlagOf(const char* field) {
  std::string flag = absl::StrCat("--", field);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string FormatLimits(const v1::Limits& limits) {
  std::vector<std::string> parts;
  for (const LimitFlag& limit : kLimits) {
    if (!(limits.*limit.has)()) continue;
    const uint64_t value = (limits.*limit.get)();
    parts.push_back(value == 0 ? absl::StrCat(limit.name, "=unlimited")
                               : absl::StrCat(limit.name, "=", value));
  }
  return absl::StrJoin(parts, " ");
}

Table MakeTable(const google::protobuf::RepeatedPtrField<v1::Tenant>& tenants) {
  Table table({"ID", "STATE", "DISPLAY NAME", "CREATED", "LIMITS"});
  for (const v1::Tenant& tenant : tenants) {
    table.Add({tenant.id(), absl::AsciiStrToLower(v1::Tenant::State_Name(tenant.state())),
               tenant.display_name(), FormatUnixMs(tenant.created_unix_ms()),
               FormatLimits(tenant.limits())});
  }
  return table;
}

absl::Status PrintTenant(Session& session, const absl::StatusOr<v1::Tenant>& tenant) {
  if (!tenant.ok()) return tenant.status();
  google::protobuf::RepeatedPtrField<v1::Tenant> one;
  *one.Add() = *tenant;
  return session.Print(*tenant, MakeTable(one));
}

void AddChangeFlags(CLI::App& command, TenantArguments& arguments) {
  command.add_option("--display-name", arguments.display_name, "Name for people");
  for (const LimitFlag& limit : kLimits) {
    command
        .add_option_function<uint64_t>(
            FlagOf(limit.name),
            [&arguments, &limit](uint64_t value) {
              (arguments.limits.*limit.set)(value);
              arguments.has_limits = true;
            },
            absl::StrCat(limit.help, "; 0: no limit; not given: the service's default"))
        ->group("Limits");
  }
}

absl::Status Create(Session& session, const TenantArguments& arguments) {
  v1::CreateTenantRequest request;
  request.set_id(arguments.id);
  if (arguments.display_name) request.set_display_name(*arguments.display_name);
  if (arguments.has_limits) *request.mutable_limits() = arguments.limits;
  return PrintTenant(session, session.Call(&Stub::CreateTenant, request));
}

absl::Status Update(Session& session, const TenantArguments& arguments) {
  if (!arguments.display_name && !arguments.has_limits) {
    return absl::InvalidArgumentError(
        "nothing to update; give --display-name or a limit (plumbagoctl tenant update --help)");
  }
  v1::UpdateTenantRequest request;
  request.set_id(arguments.id);
  if (arguments.display_name) request.set_display_name(*arguments.display_name);
  if (arguments.has_limits) *request.mutable_limits() = arguments.limits;
  return PrintTenant(session, session.Call(&Stub::UpdateTenant, request));
}

absl::Status List(Session& session) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto response,
                            session.Call(&Stub::ListTenants, v1::ListTenantsRequest()));
  return session.Print(response, MakeTable(response.tenant()));
}

// get, suspend, resume and delete: an id in, a tenant out.
template <typename Request>
void AddSimple(CLI::App& parent, Session& session, const std::string& name, const std::string& help,
               grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, v1::Tenant*)) {
  CLI::App& command = *parent.add_subcommand(name, help);
  auto id = std::make_shared<std::string>();  // shared by the option and the action
  command.add_option("id", *id, "Tenant id")->required();
  command.callback([&session, method, id] {
    session.action = [&session, method, id] {
      Request request;
      request.set_id(*id);
      return PrintTenant(session, session.Call(method, request));
    };
  });
}

void AddWithFlags(CLI::App& parent, Session& session, const std::string& name,
                  const std::string& help, absl::Status (*run)(Session&, const TenantArguments&)) {
  CLI::App& command = *parent.add_subcommand(name, help);
  auto arguments = std::make_shared<TenantArguments>();  // shared by the options and the action
  command
      .add_option("id", arguments->id, "Tenant id: 1 to 63 of a-z, 0-9 and -, not starting with -")
      ->required();
  AddChangeFlags(command, *arguments);
  command.callback([&session, arguments, run] {
    session.action = [&session, arguments, run] { return run(session, *arguments); };
  });
}

}  // namespace

void AddTenantCommands(CLI::App& app, Session& session) {
  CLI::App& tenant = *app.add_subcommand("tenant", "Create, show and change tenants");
  tenant.require_subcommand(1);
  tenant.footer(
      "Examples:\n"
      "  plumbagoctl tenant create acme --display-name 'Acme Inc.' --series 200000\n"
      "  plumbagoctl tenant list --output json\n"
      "  plumbagoctl tenant update acme --points-per-second 0\n"
      "  plumbagoctl tenant suspend acme\n"
      "  plumbagoctl tenant set-policy acme --schemas storage-schemas.conf");
  AddWithFlags(tenant, session, "create", "Create a tenant", Create);
  AddSimple(tenant, session, "get", "Show one tenant", &Stub::GetTenant);
  tenant.add_subcommand("list", "Show all tenants")->callback([&session] {
    session.action = [&session] { return List(session); };
  });
  AddWithFlags(tenant, session, "update", "Change name or limits; what is not given stays", Update);
  AddSimple(tenant, session, "suspend", "Refuse writes; reads go on", &Stub::SuspendTenant);
  AddSimple(tenant, session, "resume", "Accept writes again", &Stub::ResumeTenant);
  AddSimple(tenant, session, "delete", "Delete a tenant; its id is never used again",
            &Stub::DeleteTenant);
  AddPolicyCommands(tenant, session);
}

}  // namespace plumbago::ctl
