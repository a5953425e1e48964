// One relay's stream: its dictionary of series, and the way of its batches into the cache.
//
// For one thread. Everything from the peer is checked: InvalidArgument ends the stream, and names
// what is wrong with the batch.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "cache/cache_metrics.h"
#include "cache/point_cache.h"
#include "cache/point_journal.h"
#include "plumbago/v1/ingest.pb.h"

namespace plumbago::cache {

class IngestSession {
 public:
  static constexpr uint32_t kProtocolVersion = 1;
  static constexpr uint32_t kSeriesMax = 1u << 24;  // of one stream
  static constexpr size_t kBatchPointsMax = 1u << 20;

  // All must outlive the session.
  IngestSession(PointCache& cache, PointJournal& journal, CacheMetrics& metrics)
      : cache_(cache), journal_(journal), metrics_(metrics) {}
  ~IngestSession() { cache_.Release(dictionary_references()); }
  IngestSession(const IngestSession&) = delete;
  IngestSession& operator=(const IngestSession&) = delete;

  // FailedPrecondition where the protocol version is newer than ours.
  absl::Status Begin(const v1::StreamHello& hello);

  // Defines the new series and takes the points. They are in the journal and visible to readers on
  // return. ResourceExhausted: the journal's disk is full, and the batch is to be sent again.
  absl::Status Apply(const v1::PointBatch& batch);

  uint64_t last_sequence() const { return last_sequence_; }

 private:
  absl::Status CheckColumns(const v1::PointBatch& batch) const;
  absl::Status Define(const v1::SeriesDefinitions& definitions);
  absl::Status DefineOne(uint32_t id, absl::string_view tenant, absl::string_view metric);
  absl::Status Resolve(const v1::PointBatch& batch);
  // Returns how many points it has taken out.
  size_t TakeOutRefused(const v1::PointBatch& batch);
  std::vector<SeriesReference> dictionary_references() const;

  struct Entry {
    SeriesReference reference;
    enum class State : uint8_t { kUndefined, kKnown, kRefused } state = State::kUndefined;
  };

  PointCache& cache_;
  PointJournal& journal_;
  CacheMetrics& metrics_;
  std::vector<Entry> dictionary_;  // by id
  std::string refused_tenant_;     // of the last refused series, for the counter
  uint64_t last_sequence_ = 0;

  // Scratch of Apply: the columns as the cache takes them.
  std::vector<SeriesReference> series_;
  std::vector<uint32_t> time_seconds_;
  std::vector<double> value_;
  bool has_refused_ = false;
};

}  // namespace plumbago::cache
