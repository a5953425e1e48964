#include "query_admin_service.h"

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

}  // namespace plumbago::query
