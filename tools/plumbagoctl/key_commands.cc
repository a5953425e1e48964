// plumbagoctl key ...
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "commands.h"

namespace plumbago::ctl {
namespace {

using Stub = v1::Tenants::Stub;

struct KeyArguments {
  std::string tenant;
  std::vector<std::string> scopes;
  std::string note;
  std::string id;
};

std::string FormatScopes(const v1::Key& key) {
  return absl::StrJoin(key.scope(), ",", [](std::string* out, int scope) {
    absl::StrAppend(out,
                    absl::AsciiStrToLower(v1::Key::Scope_Name(static_cast<v1::Key::Scope>(scope))));
  });
}

Table MakeTable(const google::protobuf::RepeatedPtrField<v1::Key>& keys) {
  Table table({"ID", "TENANT", "SCOPES", "CREATED", "REVOKED", "NOTE"});
  for (const v1::Key& key : keys) {
    table.Add({key.id(), key.tenant(), FormatScopes(key), FormatUnixMs(key.created_unix_ms()),
               FormatUnixMs(key.revoked_unix_ms()), key.note()});
  }
  return table;
}

absl::Status Create(Session& session, const KeyArguments& arguments) {
  v1::CreateKeyRequest request;
  request.set_tenant(arguments.tenant);
  request.set_note(arguments.note);
  for (const std::string& name : arguments.scopes) {
    v1::Key::Scope scope = v1::Key::SCOPE_UNSPECIFIED;  // unknown names were refused by the flag
    v1::Key::Scope_Parse(absl::AsciiStrToUpper(name), &scope);
    request.add_scope(scope);
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const auto response, session.Call(&Stub::CreateKey, request));
  Table table({"ID", "TENANT", "SCOPES", "SECRET"});
  table.Add({response.key().id(), response.key().tenant(), FormatScopes(response.key()),
             response.secret()});
  PLUMBAGO_RETURN_IF_ERROR(session.Print(response, table));
  std::cerr << "Keep the secret now: it is not stored and cannot be shown again.\n";
  return absl::OkStatus();
}

absl::Status List(Session& session, const KeyArguments& arguments) {
  v1::ListKeysRequest request;
  request.set_tenant(arguments.tenant);
  PLUMBAGO_ASSIGN_OR_RETURN(const auto response, session.Call(&Stub::ListKeys, request));
  return session.Print(response, MakeTable(response.key()));
}

absl::Status Revoke(Session& session, const KeyArguments& arguments) {
  v1::RevokeKeyRequest request;
  request.set_id(arguments.id);
  PLUMBAGO_ASSIGN_OR_RETURN(const v1::Key key, session.Call(&Stub::RevokeKey, request));
  google::protobuf::RepeatedPtrField<v1::Key> one;
  *one.Add() = key;
  return session.Print(key, MakeTable(one));
}

}  // namespace

void AddKeyCommands(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<KeyArguments>();  // shared by the options and the actions
  const auto run_later = [&session, arguments](absl::Status (*run)(Session&, const KeyArguments&)) {
    return [&session, arguments, run] {
      session.action = [&session, arguments, run] { return run(session, *arguments); };
    };
  };
  CLI::App& key = *app.add_subcommand("key", "Create, list and revoke keys of tenants");
  key.require_subcommand(1);
  key.footer(
      "Examples:\n"
      "  plumbagoctl key create acme --scope ingest --note 'collectd on web01'\n"
      "  plumbagoctl key create acme --scope read --scope admin\n"
      "  plumbagoctl key list acme\n"
      "  plumbagoctl key revoke 3fG7aQ0pLx2Z");

  CLI::App& create = *key.add_subcommand("create", "Create a key; its secret is shown once");
  create.add_option("tenant", arguments->tenant, "Tenant id")->required();
  create.add_option("--scope", arguments->scopes, "What the key may do, repeatable")
      ->required()
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->check(CLI::IsMember({"ingest", "read", "admin"}));
  create.add_option("--note", arguments->note, "For people: who uses it");
  create.callback(run_later(Create));

  CLI::App& list = *key.add_subcommand("list", "Show the keys of a tenant, revoked ones too");
  list.add_option("tenant", arguments->tenant, "Tenant id")->required();
  list.callback(run_later(List));

  CLI::App& revoke = *key.add_subcommand("revoke", "Make a key invalid, for good");
  revoke.add_option("id", arguments->id, "Key id (12 characters), not its secret")->required();
  revoke.callback(run_later(Revoke));
}

}  // namespace plumbago::ctl
