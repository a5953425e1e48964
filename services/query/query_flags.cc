#include "query_flags.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "http/address.h"

namespace plumbago::query {
namespace {

void AddLimitFlags(service::CommandLine& line, Limits& limits) {
  line.Add("--targets-max", limits.targets_max, "Targets of one render request");
  line.AddBytes("--target-bytes-max", limits.target_bytes_max, "Length of one target")
      ->check(CLI::Range(1, 1 << 20));
  line.Add("--fetches-per-query-max", limits.fetches_max,
           "Different patterns and time ranges that one request may read");
  line.Add("--series-per-query-max", limits.series_max,
           "Series that one request may read; more takes more memory of shards and this process");
  line.Add("--points-per-query-max", limits.points_max,
           "Points that one request may read, and that its functions may create; 8 bytes each");
  line.AddBytes("--query-memory-max", limits.memory_bytes_max,
                "Points that one request has read and its targets have made, 8 bytes each");
  line.Add("--find-matches-max", limits.find_matches_max,
           "Nodes that one pattern may match on a shard; the store has a limit of its own");
  line.AddDuration("--shard-timeout", limits.shard_timeout,
                   "Longest wait for one call to a shard; then the answer is partial");
  line.AddDuration("--request-timeout", limits.request_timeout,
                   "Longest request as a whole; keep it below Grafana's 30 s");
}

void AddGovernorFlags(service::CommandLine& line, QueryFlags& flags) {
  line.Add("--tenant-queries-max", flags.tenant_queries_max,
           "Requests of one tenant that run at a time, unless the tenant has its own limit "
           "(concurrent-queries); more wait")
      ->check(CLI::Range(1, 4096));
  line.Add("--tenant-requests-max", flags.tenant_requests_max,
           "Requests of one tenant that run and wait; further ones are answered 429")
      ->check(CLI::Range(1, 65536));
  line.AddDuration("--queue-timeout", flags.queue_timeout,
                   "Longest wait for a place to run; then the request is answered 429");
  line.AddBytes("--result-cache-bytes", flags.result_cache_bytes,
                "Memory for results of /render that are given again; 0: each is made anew");
  line.AddDuration("--slow-query-threshold", flags.slow_query_threshold,
                   "Requests that take this long or longer are logged");
}

void AddShardFlags(service::CommandLine& line, QueryFlags& flags) {
  line.Add("--partial", flags.partial,
           "Answers that lack a shard, unless the request says partial=...: mark names it in "
           "X-Plumbago-Partial, allow says nothing, deny makes it 503")
      ->check(CLI::IsMember({"allow", "mark", "deny"}));
  line.Add("--replica-reads", flags.replica_reads,
           "one: a replica of each series, the next where it fails or is slow; all: every replica, "
           "to fill gaps, at as many times the cost")
      ->check(CLI::IsMember({"one", "all"}));
  line.Add(
      "--reduce-on-shards", flags.reduces_on_shards,
      "Let stores aggregate groups of series (sums, averages, least and greatest values, counts "
      "and the like) as far as their points are stored, instead of sending each series");
  line.Add("--reduce-series-min", flags.limits.reduced_series_min,
           "Series that a pattern must match for that; fewer are sent, which saves a round trip");
  line.Add("--hedge-share", flags.guard.hedge_share,
           "Calls that may also go to a replica when they take longer than the p95 of the last "
           "ones, as a share of all calls; 0: none")
      ->check(CLI::Range(0.0, 1.0));
  line.AddDuration(
      "--shard-stall-timeout", flags.guard.breaker.stall_time,
      "Silence of a shard with calls under way after which it is probed, and not asked "
      "any more if the probe fails too; below --shard-timeout");
}

}  // namespace

void AddFlags(service::CommandLine& line, QueryFlags& flags) {
  service::AddCommonFlags(line, flags.common);
  line.Add("--controller", flags.controller, "gRPC address of the tenant-controller, host:port");
  line.Add("--http-listen", flags.http_listen, "Address of Graphite's HTTP API, host:port");
  line.Add("--auth", flags.auth,
           "none: everyone reads the tenant `default`; keys: a key with the scope READ is needed")
      ->check(CLI::IsMember({"none", "keys"}));
  line.AddSwitch("--allow-unauthenticated", flags.allow_unauthenticated,
                 "Allow --auth none on an address that other machines reach");
  line.Add("--cors-origin", flags.cors_origin,
           "Access-Control-Allow-Origin of answers to browsers; empty: none");
  line.Add("--concurrent-requests-max", flags.concurrent_requests_max,
           "HTTP requests for data that run at a time")
      ->check(CLI::Range(1, 4096));
  line.Add("--queued-requests-max", flags.queued_requests_max,
           "HTTP requests that may wait for a place to run, a thread each; further ones are "
           "answered 503");
  line.AddBytes("--body-bytes-max", flags.body_bytes_max, "Size of one HTTP request body");
  AddLimitFlags(line, flags.limits);
  AddGovernorFlags(line, flags);
  AddShardFlags(line, flags);
  line.AddSwitch("--print-functions", flags.prints_functions,
                 "Print the render functions as Markdown, and end");
}

absl::Status Validate(const QueryFlags& flags) {
  const auto address = http::ParseAddress(flags.http_listen);
  if (!address.ok()) return base::Annotate(address.status(), "--http-listen");
  if (flags.auth == "keys" || http::IsLoopback(*address) || flags.allow_unauthenticated) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--http-listen ", flags.http_listen,
                   " is open to other machines without keys; use --auth keys, listen on 127.0.0.1, "
                   "or say --allow-unauthenticated"));
}

Limits LimitsOf(const QueryFlags& flags) {
  Limits limits = flags.limits;
  limits.replica_reads = flags.replica_reads == "all" ? ReplicaReads::kAll : ReplicaReads::kOne;
  if (!flags.reduces_on_shards) limits.reduced_series_min = std::numeric_limits<size_t>::max();
  return limits;
}

ControlOptions ControlsOf(const QueryFlags& flags) {
  ControlOptions options;
  options.governor = {.running_max = flags.concurrent_requests_max,
                      .tenant_running_max = flags.tenant_queries_max,
                      .tenant_present_max = flags.tenant_requests_max,
                      .wait_max = flags.queue_timeout};
  options.result_cache_bytes = flags.result_cache_bytes;
  options.slow_query_threshold = flags.slow_query_threshold;
  return options;
}

http::ServerOptions HttpServerOptions(const QueryFlags& flags) {
  http::ServerOptions options;
  options.listeners = {{.address = flags.http_listen}};
  // A request that waits for a place, or for the result of another, holds a thread that sleeps.
  options.handler_threads = flags.concurrent_requests_max + flags.queued_requests_max;
  options.requests_max = flags.concurrent_requests_max + flags.queued_requests_max;
  options.body_bytes_max = flags.body_bytes_max;
  return options;
}

}  // namespace plumbago::query
