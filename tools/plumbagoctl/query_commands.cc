// plumbagoctl shards: what a query service knows of the shards.
#include <chrono>
#include <cmath>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "commands.h"
#include "plumbago/v1/query_admin.grpc.pb.h"
#include "rpc/server.h"

namespace plumbago::ctl {
namespace {

// What the commands to a query service take.
struct QueryFlags {
  std::string address = "127.0.0.1:7500";  // host:port
};

const char* StateName(v1::Breaker::State state) {
  switch (state) {
    case v1::Breaker::OPEN:
      return "open";
    case v1::Breaker::HALF_OPEN:
      return "half-open";
    default:
      return "closed";
  }
}

std::string Milliseconds(double seconds) {
  return seconds > 0 ? absl::StrCat(std::round(seconds * 1e4) / 10) : std::string();
}

// One row a service of a shard.
Table BreakerTable(const v1::ListShardsResponse& shards) {
  Table table({"SHARD", "ZONE", "SERVICE", "BREAKER", "SINCE", "OPENED", "REFUSED", "FIND P95 MS",
               "FETCH P95 MS", "LAST REASON"});
  for (const auto& shard : shards.shard()) {
    const auto add = [&](const std::string& service, const v1::Breaker& breaker) {
      const std::string state = shard.is_excluded() ? "excluded" : StateName(breaker.state());
      table.Add({shard.id(), shard.zone(), service, state, FormatUnixMs(breaker.since_unix_ms()),
                 std::to_string(breaker.open_count()), std::to_string(breaker.refused_count()),
                 Milliseconds(shard.find_p95_seconds()), Milliseconds(shard.fetch_p95_seconds()),
                 breaker.reason()});
    };
    add("store", shard.store());
    add("cache", shard.cache());
  }
  return table;
}

absl::Status ListShards(Session& session, const QueryFlags& flags) {
  const auto stub = v1::QueryAdmin::NewStub(rpc::MakeChannel(flags.address));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
  v1::ListShardsResponse response;
  const grpc::Status status = stub->ListShards(&context, v1::ListShardsRequest(), &response);
  if (!status.ok()) {
    return ExplainCallError(status, "query service " + flags.address,
                            "start it, or name another with --query");
  }
  return session.Print(response, BreakerTable(response));
}

}  // namespace

void AddQueryCommands(CLI::App& app, Session& session) {
  auto flags = std::make_shared<QueryFlags>();  // shared by the options and the action
  CLI::App& shards = *app.add_subcommand(
      "shards", "Show the shards as a query service sees them: breakers, latencies");
  shards.add_option("--query", flags->address, "host:port of the query service's gRPC")
      ->envname("PLUMBAGO_QUERY")
      ->capture_default_str();
  shards.footer(
      "A breaker that is open keeps requests from waiting for a service that does not answer; it "
      "is "
      "probed and closes by itself.");
  shards.callback([&session, flags] {
    session.action = [&session, flags] { return ListShards(session, *flags); };
  });
}

}  // namespace plumbago::ctl
