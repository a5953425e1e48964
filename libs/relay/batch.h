// A batch of points on its way from a reactor to one cache, and the stream that takes it there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "metric/metric_name.h"
#include "relay/delivery.h"
#include "relay/name_table.h"

namespace plumbago::relay {

// A batch defines at most one name per point, so that even with the longest names its message stays
// below what gRPC takes (16 MiB).
inline constexpr size_t kBatchPointsMax = 12'000;
static_assert(kBatchPointsMax * (metric::kMetricBytesMax + 64) < (size_t{16} << 20));

// n points as three columns of n entries each, in one block of memory that doubles as it grows. The
// columns are as ingest.proto has them on the wire, so that a stream can send them from here.
class BatchColumns {
 public:
  static constexpr size_t kPointBytes = sizeof(double) + 2 * sizeof(uint32_t);

  void Append(uint32_t series_id, uint32_t time_seconds, double value) {
    if (size_ == capacity_) Reserve(capacity_ == 0 ? kFirstCapacity : 2 * capacity_);
    series_id_[size_] = series_id;
    time_seconds_[size_] = time_seconds;
    value_[size_] = value;
    ++size_;
  }
  // Room for so many points; never less than there are.
  void Reserve(size_t capacity);

  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  absl::Span<const uint32_t> series_id() const { return {series_id_, size_}; }
  absl::Span<const uint32_t> time_seconds() const { return {time_seconds_, size_}; }
  absl::Span<const double> value() const { return {value_, size_}; }
  // What the columns lie in: shared with a stream that is sending them. Nothing may be appended
  // then.
  const std::shared_ptr<char[]>& memory() const { return memory_; }

 private:
  static constexpr size_t kFirstCapacity = 4;

  std::shared_ptr<char[]> memory_;
  double* value_ = nullptr;
  uint32_t* series_id_ = nullptr;
  uint32_t* time_seconds_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

struct Batch {
  // Names of the ids. Shared by the reactor that appends to it, its batches and the stream.
  std::shared_ptr<const NameTable> names;
  uint64_t epoch = 0;            // of the slot map that chose the shard
  int64_t received_unix_ms = 0;  // arrival of the first point
  BatchColumns points;
  std::shared_ptr<Delivery> delivery;  // null unless the sender waits for it

  size_t point_count() const { return points.size(); }
  // What the batch occupies in memory, for the bound on bytes in flight.
  size_t memory_bytes() const {
    return sizeof(Batch) + points.capacity() * BatchColumns::kPointBytes;
  }
};

// Points that a cache has no memory for, to be sent again later.
struct RefusedBatch {
  std::unique_ptr<Batch> batch;
  absl::Duration retry_after;
};

// Takes batches to one cache, in order, until they are acknowledged; holds them meanwhile and sends
// them again after a broken connection. Implemented over gRPC by services/relay.
class BatchStream {
 public:
  virtual ~BatchStream() = default;

  // Never blocks. The sender bounds what it sends by unacknowledged_bytes().
  virtual void Send(std::unique_ptr<Batch> batch) = 0;

  // Memory of all batches sent and not yet acknowledged. Thread-safe.
  virtual size_t unacknowledged_bytes() const = 0;

  // Batches acknowledged since the begin, in the order of sending. Thread-safe.
  virtual uint64_t acknowledged_count() const = 0;

  // Whether the connection failed and nothing has been acknowledged or taken back since.
  // Thread-safe.
  virtual bool is_failing() = 0;

  // What the cache has refused since the last call; until then it counts as unacknowledged.
  // Thread-safe.
  virtual std::vector<RefusedBatch> TakeRefused() { return {}; }

  // Whether the cache has asked, since the last call, for names that are not in use any more to be
  // forgotten. Thread-safe.
  virtual bool TakeFreshNamesRequest() { return false; }

  // Ends the connection and gives back what is not acknowledged, in order. The peer may have taken
  // some of it. On the thread that sends.
  virtual std::vector<std::unique_ptr<Batch>> TakeBack() = 0;
};

}  // namespace plumbago::relay
