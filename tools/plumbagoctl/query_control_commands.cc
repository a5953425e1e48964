// plumbagoctl query ...: the queries that a query service works on, and those that it refuses.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/status.h"
#include "commands.h"
#include "plumbago/v1/query_admin.grpc.pb.h"
#include "rpc/server.h"

namespace plumbago::ctl {
namespace {

using Stub = v1::QueryAdmin::Stub;

struct Arguments {
  std::string address = "127.0.0.1:7500";  // host:port
  std::string tenant;
  std::string target;
  std::string header;
  std::string value;
  std::string note;
  std::string time = "1h";
  uint64_t id = 0;
};

template <typename Request, typename Response>
absl::StatusOr<Response> Call(const Arguments& arguments,
                              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                              const Request& request) {
  const auto stub = v1::QueryAdmin::NewStub(rpc::MakeChannel(arguments.address));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
  Response response;
  const grpc::Status status = (stub.get()->*method)(&context, request, &response);
  if (status.ok()) return response;
  return ExplainCallError(status, absl::StrCat("query service ", arguments.address),
                          "start it, or name another with --query");
}

absl::Status List(Session& session, const Arguments& arguments) {
  v1::ListQueriesRequest request;
  request.set_tenant(arguments.tenant);
  PLUMBAGO_ASSIGN_OR_RETURN(const auto response, Call(arguments, &Stub::ListQueries, request));
  const int64_t now = absl::ToUnixMillis(base::SystemClock().Now());
  Table table({"ID", "TENANT", "ENDPOINT", "STATE", "MS", "DASHBOARD", "PANEL", "CLIENT", "TEXT"});
  for (const auto& query : response.query()) {
    table.Add({std::to_string(query.id()), query.tenant(), query.endpoint(), query.state(),
               std::to_string(now - query.begin_unix_ms()), query.dashboard(), query.panel(),
               query.client(), query.text()});
  }
  return session.Print(response, table);
}

absl::Status Kill(Session&, const Arguments& arguments) {
  v1::KillQueryRequest request;
  request.set_id(arguments.id);
  PLUMBAGO_RETURN_IF_ERROR(Call(arguments, &Stub::KillQuery, request).status());
  std::cout << "query " << arguments.id << " is ended\n";
  return absl::OkStatus();
}

Table RuleTable() {
  return Table({"ID", "TENANT", "LOOKS AT", "PATTERN", "UNTIL", "REFUSED", "NOTE"});
}

void AddRule(const v1::BlockRule& rule, Table& table) {
  table.Add({std::to_string(rule.id()), rule.tenant(),
             rule.header().empty() ? "targets" : absl::StrCat("header ", rule.header()),
             rule.pattern(), FormatUnixMs(rule.until_unix_ms()),
             std::to_string(rule.refused_count()), rule.note()});
}

absl::Status Block(Session& session, const Arguments& arguments) {
  absl::Duration time;
  if (!absl::ParseDuration(arguments.time, &time)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--for \"", base::Excerpt(arguments.time), "\": use 30m, 1h, 48h"));
  }
  if (arguments.header.empty() == arguments.target.empty() ||
      arguments.header.empty() != arguments.value.empty()) {
    return absl::InvalidArgumentError("give --target, or --header and --value");
  }
  v1::BlockQueriesRequest request;
  v1::BlockRule& rule = *request.mutable_rule();
  rule.set_tenant(arguments.tenant);
  rule.set_header(arguments.header);
  rule.set_pattern(arguments.header.empty() ? arguments.target : arguments.value);
  rule.set_note(arguments.note);
  rule.set_until_unix_ms(absl::ToUnixMillis(base::SystemClock().Now() + time));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto added, Call(arguments, &Stub::BlockQueries, request));
  Table table = RuleTable();
  AddRule(added, table);
  return session.Print(added, table);
}

absl::Status ListBlocks(Session& session, const Arguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto response,
                            Call(arguments, &Stub::ListBlocks, v1::ListBlocksRequest()));
  Table table = RuleTable();
  for (const auto& rule : response.rule()) AddRule(rule, table);
  return session.Print(response, table);
}

absl::Status Unblock(Session&, const Arguments& arguments) {
  v1::UnblockQueriesRequest request;
  request.set_id(arguments.id);
  PLUMBAGO_RETURN_IF_ERROR(Call(arguments, &Stub::UnblockQueries, request).status());
  std::cout << "rule " << arguments.id << " is gone\n";
  return absl::OkStatus();
}

CLI::App& AddOne(CLI::App& parent, Session& session, const std::shared_ptr<Arguments>& arguments,
                 const std::string& name, const std::string& help,
                 absl::Status (*run)(Session&, const Arguments&)) {
  CLI::App& command = *parent.add_subcommand(name, help);
  command.callback([&session, arguments, run] {
    session.action = [&session, arguments, run] { return run(session, *arguments); };
  });
  return command;
}

}  // namespace

void AddQueryControlCommands(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<Arguments>();  // shared by the options and the actions
  CLI::App& query = *app.add_subcommand("query", "Show, end and refuse queries");
  query.require_subcommand(1);
  query.fallthrough();
  query.add_option("--query", arguments->address, "host:port of the query service's gRPC")
      ->envname("PLUMBAGO_QUERY")
      ->capture_default_str();
  query.footer(
      "Each query service has its own queries and rules; a restart forgets the rules.\n"
      "Examples:\n"
      "  plumbagoctl query list --tenant acme\n"
      "  plumbagoctl query kill 4711\n"
      "  plumbagoctl query block --target 'servers\\.\\*\\.\\*' --for 2h --note 'use "
      "aggregates.*'\n"
      "  plumbagoctl query block --header X-Dashboard-Uid --value '^fHb7x$'");
  AddOne(query, session, arguments, "list", "Show the queries that are here, the oldest first",
         List)
      .add_option("--tenant", arguments->tenant, "Only those of this tenant");
  AddOne(query, session, arguments, "kill", "End a query; its client is answered 503", Kill)
      .add_option("id", arguments->id, "As list shows it")
      ->required();
  CLI::App& block =
      AddOne(query, session, arguments, "block", "Refuse queries for a while, with 403", Block);
  block.add_option("--target", arguments->target,
                   "Regular expression (RE2) that is found in a target or pattern");
  block.add_option("--header", arguments->header,
                   "Look at this header instead: X-Dashboard-Uid, X-Panel-Id, User-Agent");
  block.add_option("--value", arguments->value, "Regular expression that is found in the header");
  block.add_option("--tenant", arguments->tenant, "Only those of this tenant");
  block.add_option("--for", arguments->time, "How long, at most 720h")->capture_default_str();
  block.add_option("--note", arguments->note, "Shown to those who are refused");
  AddOne(query, session, arguments, "blocks", "Show the rules of block", ListBlocks);
  AddOne(query, session, arguments, "unblock", "Take a rule away", Unblock)
      .add_option("id", arguments->id, "As blocks shows it")
      ->required();
}

}  // namespace plumbago::ctl
