// The counters of a cache. Thread-safe; the objects live as long as Metrics.
#pragma once

#include <string>

#include "base/metrics.h"

namespace plumbago::cache {

class CacheMetrics {
 public:
  explicit CacheMetrics(base::Metrics& metrics);

  // Points that this cache refused.
  base::Counter& dropped(const std::string& tenant, const std::string& reason);
  // Points that a relay was told to bring again later, because memory is short.
  base::Counter& refused_for_memory(const std::string& tenant, const std::string& reason);
  // Points that the store refused for good. The store counts them as dropped.
  base::Counter& refused_by_store(const std::string& tenant, const std::string& reason);

  base::Counter& points_received;
  base::Counter& points_stored;
  base::Counter& points_replayed;
  // Points that lost against a later arrival of their time, or came again.
  base::Counter& points_merged;
  base::Counter& batches_received;
  base::Counter& flush_batches;
  base::Counter& flush_batches_resent;
  base::Counter& flush_points_resent;
  base::Counter& flushed_series;
  base::Counter& waits_for_memory;
  base::Gauge& points_pending;
  base::Gauge& points_in_memory;
  base::Gauge& series;
  base::Gauge& memory_bytes;
  base::Gauge& memory_used_bytes;
  base::Gauge& allocated_bytes;
  base::Gauge& active_bytes;
  base::Gauge& memory_bytes_max;
  base::Gauge& journal_bytes;
  base::Gauge& journal_points;

 private:
  base::Metrics& metrics_;
};

}  // namespace plumbago::cache
