// Points that the relay itself makes: its own metrics, the outputs of aggregation.
//
// A thread with a router of its own asks the registered producers about once a second and sends
// what they give at once, so that these points go the way of all others: rules, slot map, spool.
// While no shard takes points the producers are not asked: each holds, bounded, what it has.
// Where only some shards are full, the points for those are refused and counted (spool_full).
//
// AddProducer, Start, Drain and the destructor belong to one owner; the rest is thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "relay/point_router.h"
#include "topology/snapshot.h"

namespace plumbago::relay {

struct InternalPoint {
  absl::string_view tenant;
  absl::string_view metric;
  uint32_t time_seconds = 0;
  double value = 0;
};

// Where a producer brings its points. Valid during one call of Produce.
class InternalSink {
 public:
  explicit InternalSink(PointRouter& router) : router_(router) {}

  // A value: why the point was not taken (it is counted).
  std::optional<DropReason> Give(const InternalPoint& point);
  // The same for what an aggregation rule emits; the rule is in force.
  std::optional<DropReason> GiveAggregate(const routing::AggregateSpec& spec,
                                          const InternalPoint& point);

 private:
  PointRouter& router_;
};

class PointProducer {
 public:
  virtual ~PointProducer() = default;

  enum class Turn {
    kRegular,
    kLast,  // the relay stops: what is not given now is lost
  };
  // Gives what is due. On the thread of the source; returns soon.
  virtual void Produce(Turn turn, InternalSink& sink) = 0;
};

struct InternalSourceOptions {
  RouterOptions router;
  absl::Duration interval = absl::Seconds(1);  // between the turns of a producer
};

class InternalSource {
 public:
  // `clock`, `metrics` and the spools outlive the source.
  InternalSource(const InternalSourceOptions& options, base::Clock& clock, RelayMetrics& metrics,
                 RouterFactories factories);
  ~InternalSource();

  // Before Start. It outlives the source.
  void AddProducer(PointProducer& producer);

  void Start();

  void SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot);

  // Runs `visit` on the router, between two turns: for changes that concern all routers.
  void VisitRouter(const std::function<void(PointRouter&)>& visit);

  // Asks the producers a last time, waits for the acknowledgements until `deadline` (monotonic) and
  // gives the rest to the spools. Returns the number of bytes that are left, where a shard has no
  // spool. After what feeds the producers has stopped.
  size_t Drain(absl::Duration deadline);

  // As of the last turn; a producer may ask too.
  size_t unacknowledged_bytes() const { return unacknowledged_bytes_.load(); }
  size_t known_series() const { return known_series_.load(); }

  // What the thread does each interval, for tests of a source that is not started.
  void RunTurn();

 private:
  void Run();
  void Stop();
  void Tick() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ProduceAll(PointProducer::Turn turn) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const InternalSourceOptions options_;
  base::Clock& clock_;
  std::vector<PointProducer*> producers_;  // fixed by Start

  std::atomic<size_t> unacknowledged_bytes_{0};
  std::atomic<size_t> known_series_{0};

  // Held for a whole turn: only snapshots and visits ever wait for it.
  base::Mutex mutex_;
  base::CondVar stopping_;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<PointRouter> router_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace plumbago::relay
