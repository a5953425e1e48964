#include "relay/internal_source.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace plumbago::relay {
namespace {

// Between looks at the shards while something is on the way to them, which have to come often as
// against the stall timeout.
constexpr absl::Duration kTickInterval = absl::Milliseconds(200);
// So that visitors get their turn.
constexpr absl::Duration kWaitMin = absl::Milliseconds(1);
constexpr absl::Duration kDrainPoll = absl::Milliseconds(10);

}  // namespace

std::optional<DropReason> InternalSink::Give(const InternalPoint& point) {
  router_.SetSource({.tenant = router_.TenantOf(point.tenant), .protocol = Protocol::kInternal});
  return router_.OnPoint(point.metric, point.time_seconds, point.value);
}

std::optional<DropReason> InternalSink::GiveAggregate(const routing::AggregateSpec& spec,
                                                      const InternalPoint& point) {
  router_.SetSource({.tenant = router_.TenantOf(point.tenant), .protocol = Protocol::kInternal});
  return router_.OnAggregate(spec, point.metric, point.time_seconds, point.value);
}

InternalSource::InternalSource(const InternalSourceOptions& options, base::Clock& clock,
                               RelayMetrics& metrics, RouterFactories factories)
    : options_(options), clock_(clock) {
  base::MutexLock lock(mutex_);
  router_ = std::make_unique<PointRouter>(options_.router, clock_, metrics, std::move(factories));
}

InternalSource::~InternalSource() { Stop(); }

void InternalSource::AddProducer(PointProducer& producer) { producers_.push_back(&producer); }

void InternalSource::Start() {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "internal");
}

void InternalSource::Run() {
  absl::Duration next_turn = clock_.Monotonic();
  base::MutexLock lock(mutex_);
  while (!is_stopping_) {
    Tick();
    const absl::Duration now = clock_.Monotonic();
    if (now >= next_turn) {
      ProduceAll(PointProducer::Turn::kRegular);
      next_turn = now + options_.interval;
    }
    const bool is_waiting_for_shards = router_->unacknowledged_bytes() > 0;
    const absl::Duration wait = is_waiting_for_shards ? std::min(kTickInterval, options_.interval)
                                                      : next_turn - clock_.Monotonic();
    stopping_.WaitFor(lock, absl::ToInt64Nanoseconds(std::max(wait, kWaitMin)));
  }
}

void InternalSource::RunTurn() {
  base::MutexLock lock(mutex_);
  Tick();
  ProduceAll(PointProducer::Turn::kRegular);
  Tick();
}

void InternalSource::Tick() {
  router_->Tick();
  unacknowledged_bytes_.store(router_->unacknowledged_bytes());
  known_series_.store(router_->known_series());
}

void InternalSource::ProduceAll(PointProducer::Turn turn) {
  const Backlog backlog = router_->backlog();
  if (backlog == Backlog::kAll && turn == PointProducer::Turn::kRegular) return;
  router_->SetFullLanes(backlog == Backlog::kFullShard ? FullLanes::kRefuse : FullLanes::kHold);
  InternalSink sink(*router_);
  for (PointProducer* const producer : producers_) producer->Produce(turn, sink);
  router_->SetFullLanes(FullLanes::kHold);
  router_->Flush();
}

void InternalSource::SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot) {
  base::MutexLock lock(mutex_);
  router_->SetSnapshot(snapshot);
}

void InternalSource::VisitRouter(const std::function<void(PointRouter&)>& visit) {
  base::MutexLock lock(mutex_);
  visit(*router_);
}

size_t InternalSource::Drain(absl::Duration deadline) {
  Stop();
  base::MutexLock lock(mutex_);
  Tick();
  ProduceAll(PointProducer::Turn::kLast);
  while (router_->unacknowledged_bytes() > 0 && clock_.Monotonic() < deadline) {
    stopping_.WaitFor(lock, absl::ToInt64Nanoseconds(kDrainPoll));
    Tick();  // a shard that is down now has its points in the spool
  }
  if (router_->unacknowledged_bytes() > 0) router_->SpoolEverything();
  return router_->unacknowledged_bytes();
}

void InternalSource::Stop() {
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
    stopping_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace plumbago::relay
