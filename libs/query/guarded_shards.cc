#include "query/guarded_shards.h"

#include <utility>

#include "absl/container/flat_hash_set.h"

namespace plumbago::query {
namespace {

constexpr double kUsualQuantile = 0.95;
// Below this a second call costs more than it saves.
constexpr absl::Duration kHedgeAfterMin = absl::Milliseconds(10);
constexpr absl::Duration kProbeTimeout = absl::Milliseconds(500);

class GuardedShard final : public ShardClient {
 public:
  GuardedShard(std::shared_ptr<ShardClient> client, std::shared_ptr<ShardHealth> health,
               base::Clock& clock, HedgeBudget& hedges)
      : client_(std::move(client)), health_(std::move(health)), clock_(clock), hedges_(hedges) {}

  bool IsUsable() override { return health_->store.IsUsable() && health_->cache.IsUsable(); }
  absl::Duration UsualTime(CallKind kind) override {
    LatencyDigest& digest = kind == CallKind::kFind    ? health_->find
                            : kind == CallKind::kFetch ? health_->fetch
                                                       : health_->reduce;
    return std::max(digest.Quantile(kUsualQuantile), kHedgeAfterMin);
  }

  void Probe(Service service, absl::Time deadline,
             std::function<void(absl::Status)> done) override {
    client_->Probe(service, deadline, std::move(done));
  }

  void Find(const ShardCall& call, const std::string& pattern, size_t matches_max,
            Done<FoundNode> done) override {
    if (!Admit(health_->store, done)) return;
    client_->Find(Watched(call, &ShardHealth::store), pattern, matches_max,
                  Guarded(&ShardHealth::store, &ShardHealth::find, std::move(done)));
  }

  void FindTagged(const ShardCall& call, const std::vector<std::string>& expressions,
                  size_t matches_max, Done<std::string> done) override {
    if (!Admit(health_->store, done)) return;
    client_->FindTagged(Watched(call, &ShardHealth::store), expressions, matches_max,
                        Guarded(&ShardHealth::store, &ShardHealth::find, std::move(done)));
  }

  void CompleteTags(const ShardCall& call, const TagQuestion& question,
                    Done<TagEntry> done) override {
    if (!Admit(health_->store, done)) return;
    client_->CompleteTags(Watched(call, &ShardHealth::store), question,
                          Guarded(&ShardHealth::store, &ShardHealth::find, std::move(done)));
  }

  void CreateSeries(const ShardCall& call, Metrics metrics, Done<std::string> done) override {
    if (!Admit(health_->store, done)) return;
    client_->CreateSeries(Watched(call, &ShardHealth::store), std::move(metrics),
                          Guarded(&ShardHealth::store, nullptr, std::move(done)));
  }

  // Waits for its turn among the store's jobs, so how long it takes says nothing about the shard.
  void DeleteSeries(const ShardCall& call, Metrics metrics, Done<std::string> done) override {
    client_->DeleteSeries(call, std::move(metrics), std::move(done));
  }

  void List(const ShardCall& call, size_t matches_max, Done<std::string> done) override {
    if (!Admit(health_->store, done)) return;
    client_->List(Watched(call, &ShardHealth::store), matches_max,
                  Guarded(&ShardHealth::store, nullptr, std::move(done)));
  }

  void Fetch(const ShardCall& call, Metrics metrics, const FetchRange& range, int64_t points_max,
             Done<StoredSeries> done) override {
    if (!Admit(health_->store, done)) return;
    hedges_.CountCall();
    client_->Fetch(Watched(call, &ShardHealth::store), std::move(metrics), range, points_max,
                   Guarded(&ShardHealth::store, &ShardHealth::fetch, std::move(done)));
  }

  void Reduce(const ShardCall& call, std::shared_ptr<const ReduceQuestion> question,
              const FetchRange& range, int64_t points_max, Done<ReducedGroup> done) override {
    if (!Admit(health_->store, done)) return;
    hedges_.CountCall();
    client_->Reduce(Watched(call, &ShardHealth::store), std::move(question), range, points_max,
                    Guarded(&ShardHealth::store, &ShardHealth::reduce, std::move(done)));
  }

  void Describe(const ShardCall& call, Metrics metrics, Done<SeriesLayout> done) override {
    if (!Admit(health_->store, done)) return;
    client_->Describe(Watched(call, &ShardHealth::store), std::move(metrics),
                      Guarded(&ShardHealth::store, nullptr, std::move(done)));
  }

  void ReadHot(const ShardCall& call, Metrics metrics, const FetchRange& range,
               Done<HotSeries> done) override {
    if (!Admit(health_->cache, done)) return;
    client_->ReadHot(Watched(call, &ShardHealth::cache), std::move(metrics), range,
                     Guarded(&ShardHealth::cache, &ShardHealth::fetch, std::move(done)));
  }

 private:
  template <typename T>
  static bool Admit(CircuitBreaker& breaker, const Done<T>& done) {
    if (breaker.Admit()) return true;
    done(BreakerOpenError());
    return false;
  }

  ShardCall Watched(ShardCall call, CircuitBreaker ShardHealth::*breaker) const {
    call.on_progress = [health = health_, breaker] { (health.get()->*breaker).Progress(); };
    return call;
  }

  template <typename T>
  Done<T> Guarded(CircuitBreaker ShardHealth::*breaker, LatencyDigest ShardHealth::*digest,
                  Done<T> done) const {
    return [health = health_, &clock = clock_, begin = clock_.Monotonic(), breaker, digest,
            done = std::move(done)](absl::StatusOr<std::vector<T>> result) {
      const absl::Duration taken = clock.Monotonic() - begin;
      // A store of an earlier release does not know reductions, and serves all else.
      const bool is_older =
          digest == &ShardHealth::reduce && absl::IsUnimplemented(result.status());
      (health.get()->*breaker).Finish(is_older ? absl::OkStatus() : result.status(), taken);
      if (digest != nullptr && result.ok()) (health.get()->*digest).Add(taken);
      done(std::move(result));
    };
  }

  const std::shared_ptr<ShardClient> client_;  // shared with the layer below
  const std::shared_ptr<ShardHealth> health_;  // shared with calls under way
  base::Clock& clock_;
  HedgeBudget& hedges_;
};

}  // namespace

std::shared_ptr<ShardClient> GuardedShards::Of(const topology::ShardInfo& shard) {
  return std::make_shared<GuardedShard>(clients_.Of(shard), HealthOf(shard.id), clock_, hedges_);
}

std::shared_ptr<ShardHealth> GuardedShards::HealthOf(const std::string& shard_id) {
  base::MutexLock lock(mutex_);
  std::shared_ptr<ShardHealth>& health = health_[shard_id];
  if (health == nullptr) health = std::make_shared<ShardHealth>(clock_, options_.breaker);
  return health;
}

void GuardedShards::ProbeDue(const topology::SlotMap& slot_map) {
  const absl::Time deadline = clock_.Now() + kProbeTimeout;
  for (const topology::ShardInfo& shard : slot_map.shards()) {
    const std::shared_ptr<ShardHealth> health = HealthOf(shard.id);
    const auto probe = [&](ShardClient::Service service, CircuitBreaker& breaker) {
      if (!breaker.TakeProbe()) return;
      clients_.Of(shard)->Probe(service, deadline, [health, &breaker](const absl::Status& result) {
        breaker.ProbeEnded(result);
      });
    };
    probe(ShardClient::Service::kStore, health->store);
    probe(ShardClient::Service::kCache, health->cache);
  }
}

void GuardedShards::Retain(const topology::SlotMap& slot_map) {
  absl::flat_hash_set<absl::string_view> ids;
  for (const topology::ShardInfo& shard : slot_map.shards()) ids.insert(shard.id);
  base::MutexLock lock(mutex_);
  absl::erase_if(health_, [&](const auto& entry) { return !ids.contains(entry.first); });
}

}  // namespace plumbago::query
