#include "query_admin_service.h"

#include <utility>

#include "base/status.h"
#include "rpc/server.h"

namespace plumbago::query {
namespace {

constexpr double kShownQuantile = 0.95;

v1::Breaker::State ToProto(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::kClosed:
      return v1::Breaker::CLOSED;
    case CircuitBreaker::State::kHalfOpen:
      return v1::Breaker::HALF_OPEN;
    case CircuitBreaker::State::kOpen:
      return v1::Breaker::OPEN;
  }
  return v1::Breaker::CLOSED;
}

void Fill(const CircuitBreaker::Status& status, v1::Breaker* breaker) {
  breaker->set_state(ToProto(status.state));
  breaker->set_reason(status.reason);
  breaker->set_since_unix_ms(absl::ToUnixMillis(status.since));
  breaker->set_open_count(status.open_count);
  breaker->set_refused_count(status.refused_count);
}

double ShownSeconds(LatencyDigest& digest) {
  const absl::Duration p95 = digest.Quantile(kShownQuantile);
  return p95 == absl::InfiniteDuration() ? 0 : absl::ToDoubleSeconds(p95);
}

v1::BlockRule ToProto(const BlockRule& rule) {
  v1::BlockRule proto;
  proto.set_id(rule.id);
  proto.set_tenant(rule.tenant);
  proto.set_header(rule.header);
  proto.set_pattern(rule.pattern);
  proto.set_note(rule.note);
  proto.set_until_unix_ms(absl::ToUnixMillis(rule.until));
  proto.set_refused_count(rule.refused_count);
  return proto;
}

}  // namespace

grpc::Status QueryAdminService::ListShards(grpc::ServerContext*, const v1::ListShardsRequest*,
                                           v1::ListShardsResponse* response) {
  const auto snapshot = snapshots_.Get();
  if (snapshot == nullptr) return grpc::Status::OK;
  response->set_epoch(snapshot->slot_map()->epoch());
  for (const topology::ShardInfo& info : snapshot->slot_map()->shards()) {
    const std::shared_ptr<ShardHealth> health = shards_.HealthOf(info.id);
    v1::ListShardsResponse::Shard* shard = response->add_shard();
    shard->set_id(info.id);
    shard->set_zone(info.zone);
    shard->set_is_excluded(info.state != topology::ShardState::kActive);
    Fill(health->store.status(), shard->mutable_store());
    Fill(health->cache.status(), shard->mutable_cache());
    shard->set_find_p95_seconds(ShownSeconds(health->find));
    shard->set_fetch_p95_seconds(ShownSeconds(health->fetch));
  }
  return grpc::Status::OK;
}

grpc::Status QueryAdminService::ListQueries(grpc::ServerContext*,
                                            const v1::ListQueriesRequest* request,
                                            v1::ListQueriesResponse* response) {
  for (const QueryInfo& info : queries_.List()) {
    if (!request->tenant().empty() && request->tenant() != info.tenant) continue;
    v1::RunningQuery* query = response->add_query();
    query->set_id(info.id);
    query->set_tenant(info.tenant);
    query->set_endpoint(info.endpoint);
    query->set_state(QueryStateName(info.state));
    query->set_begin_unix_ms(absl::ToUnixMillis(info.begin));
    // What clients send need not be UTF-8, which gRPC insists on.
    query->set_text(base::Excerpt(info.text));
    query->set_dashboard(base::Excerpt(info.dashboard));
    query->set_panel(base::Excerpt(info.panel));
    query->set_client(info.client);
  }
  return grpc::Status::OK;
}

grpc::Status QueryAdminService::KillQuery(grpc::ServerContext*, const v1::KillQueryRequest* request,
                                          v1::KillQueryResponse*) {
  return rpc::ToGrpc(queries_.Kill(request->id()));
}

grpc::Status QueryAdminService::BlockQueries(grpc::ServerContext*,
                                             const v1::BlockQueriesRequest* request,
                                             v1::BlockRule* response) {
  const v1::BlockRule& asked = request->rule();
  BlockRule rule;
  rule.tenant = asked.tenant();
  rule.header = asked.header();
  rule.pattern = asked.pattern();
  rule.note = asked.note();
  rule.until = absl::FromUnixMillis(asked.until_unix_ms());
  const auto added = blocks_.Add(std::move(rule));
  if (!added.ok()) return rpc::ToGrpc(added.status());
  *response = ToProto(*added);
  return grpc::Status::OK;
}

grpc::Status QueryAdminService::ListBlocks(grpc::ServerContext*, const v1::ListBlocksRequest*,
                                           v1::ListBlocksResponse* response) {
  for (const BlockRule& rule : blocks_.List()) *response->add_rule() = ToProto(rule);
  return grpc::Status::OK;
}

grpc::Status QueryAdminService::UnblockQueries(grpc::ServerContext*,
                                               const v1::UnblockQueriesRequest* request,
                                               v1::UnblockQueriesResponse*) {
  return rpc::ToGrpc(blocks_.Remove(request->id()));
}

}  // namespace plumbago::query
