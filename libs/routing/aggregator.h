// Points of many metrics become points of one: the open buckets of all aggregation rules.
//
// Buckets follow the rule's program (AggregateSpec::bucket_rule): carbon-aggregator emits a bucket
// every interval in which it got points, again and again until it is MAX_AGGREGATION_INTERVALS old;
// carbon-c-relay emits it once, `expire` after its start. A point for a bucket that is gone is
// late: it is refused and counted, never emitted as if it were the whole bucket.
//
// Thread-safe: outputs are spread over partitions with a lock each. Memory is bounded in bytes;
// beyond it points are refused and counted. Nothing survives a restart.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "routing/aggregate_spec.h"

namespace plumbago::routing {

struct AggregatorOptions {
  size_t memory_bytes_max = size_t{256} << 20;
  // carbon.conf: buckets older than this many intervals are gone.
  uint32_t max_aggregation_intervals = 5;
  // carbon.conf: buckets are emitted this often where it is less than their interval; 0: never.
  uint32_t write_back_seconds = 0;
};

class Aggregator {
 public:
  using Spec = std::shared_ptr<const AggregateSpec>;

  enum class AddResult {
    kAdded,
    kLate,      // its bucket is gone
    kTooEarly,  // further in the future than carbon-c-relay keeps buckets
    kNoMemory,
  };

  struct Emission {
    Spec spec = {};
    std::string name = {};
    int64_t timestamp = 0;
    double value = 0;
  };

  struct Counts {  // since the start
    uint64_t added = 0;
    uint64_t late = 0;
    uint64_t too_early = 0;
    uint64_t no_memory = 0;
    uint64_t emitted = 0;
  };

  // `clock` must outlive the aggregator.
  Aggregator(const AggregatorOptions& options, base::Clock& clock);
  ~Aggregator();

  // Adds a point to the output `name` of `spec`.
  AddResult Add(const Spec& spec, absl::string_view name, int64_t timestamp, double value);

  // Takes what is due, the buckets of an output in the order of time. Call it about once a second.
  std::vector<Emission> TakeDue();

  // Takes everything that has not been emitted since its last point: for an orderly stop.
  std::vector<Emission> TakeAll();

  // After a reload: outputs of rules whose identity is among `specs` stay open and belong to the
  // new spec from here on; what others hold unemitted is returned, and they are forgotten.
  std::vector<Emission> Keep(absl::Span<const Spec> specs);

  size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }
  size_t output_count() const;
  Counts counts() const;

 private:
  static constexpr size_t kPartitions = 16;

  struct Bucket {
    uint64_t count = 0;
    double sum = 0;
    double min = 0;
    double max = 0;
    double last = 0;
    std::vector<double> values = {};  // where the method needs them
    bool has_news = false;            // since it was emitted
  };
  struct Output {
    Spec spec = {};
    std::string name = {};
    std::map<int64_t, Bucket> buckets;     // by start
    absl::Duration due_at;                 // monotonic
    uint32_t splay_seconds = 0;            // of carbon-c-relay: not all expire at once
    int64_t first_open_start = INT64_MIN;  // of carbon-c-relay: what starts before has expired
  };
  // A bucket that was taken out, or copied, to be computed outside the lock.
  struct Taken {
    Spec spec = {};
    std::string name = {};
    int64_t start = 0;
    Bucket bucket = {};
  };
  struct Partition {
    mutable base::Mutex mutex;
    std::unordered_map<std::string, std::unique_ptr<Output>> outputs ABSL_GUARDED_BY(mutex);
    std::set<std::pair<absl::Duration, Output*>> due ABSL_GUARDED_BY(mutex);
    Counts counts ABSL_GUARDED_BY(mutex);
  };

  // All of them with the partition's lock held.
  Output* FindOrOpen(Partition& partition, const Spec& spec, absl::string_view name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  AddResult AddToOutput(Partition& partition, Output& output, int64_t timestamp, double value)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  void TakeOutput(Partition& partition, Output& output, std::vector<Taken>* taken)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  void Close(Partition& partition, Output& output) ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);

  AddResult CheckTime(const Output& output, int64_t start) const;
  void TakeDueOfCarbon(Output& output, std::vector<Taken>* taken);
  void TakeDueOfCarbonCRelay(Output& output, std::vector<Taken>* taken);
  void TakeNews(Output& output, std::vector<Taken>* taken);
  void EraseBucket(Output& output, std::map<int64_t, Bucket>::iterator bucket);
  absl::Duration NextDue(const Output& output) const;
  bool Reserve(size_t bytes);
  void Release(size_t bytes);
  std::vector<Emission> Compute(std::vector<Taken> taken);
  Partition& PartitionOf(absl::string_view key);

  const AggregatorOptions options_;
  base::Clock& clock_;
  std::atomic<size_t> memory_bytes_{0};
  std::atomic<uint64_t> emitted_{0};
  std::array<Partition, kPartitions> partitions_;
};

}  // namespace plumbago::routing
