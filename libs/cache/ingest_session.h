// One relay's stream: its dictionary of series, and the way of its batches into the cache.
//
// For one thread. Everything from the peer is checked: InvalidArgument ends the stream, and names
// what is wrong with the batch.
#pragma once

#include <string>
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
  // How long a relay that can come again waits for memory, and when it is told to come again.
  static constexpr absl::Duration kMemoryWait = absl::Seconds(1);
  static constexpr absl::Duration kRetryAfter = absl::Seconds(2);

  // All must outlive the session.
  IngestSession(PointCache& cache, PointJournal& journal, CacheMetrics& metrics)
      : cache_(cache), journal_(journal), metrics_(metrics) {}
  ~IngestSession();
  IngestSession(const IngestSession&) = delete;
  IngestSession& operator=(const IngestSession&) = delete;

  // FailedPrecondition where the protocol version is newer than ours.
  absl::Status Begin(const v1::StreamHello& hello);

  // Waits while memory or journal are at their bounds. False: the cache stops. A relay that can be
  // told to come again waits for memory only a moment, and not at all where several tenants hold
  // some: of the next batch only what tenants within their reserve bring is taken then.
  bool WaitForRoom();

  // Defines the new series and takes the points. They are in the journal and visible to readers on
  // return, but for those that are in `response` as refused. ResourceExhausted: the journal's disk
  // is full, and the batch is to be sent again.
  absl::Status Apply(const v1::PointBatch& batch, v1::IngestResponse* response);

  uint64_t last_sequence() const { return last_sequence_; }

 private:
  absl::Status CheckColumns(const v1::PointBatch& batch) const;
  absl::Status Define(const v1::SeriesDefinitions& definitions);
  absl::Status DefineOne(uint32_t id, absl::string_view tenant, absl::string_view metric);
  absl::Status Resolve(const v1::PointBatch& batch);
  bool IsRefused(const SeriesReference& series) const;
  // Takes the points that there is no memory for out of the columns, and tells the relay, or counts
  // them as dropped where it would not understand. Returns how many stay the relay's.
  size_t TakeOutRefused(const v1::PointBatch& batch, v1::IngestResponse* response);
  void CountDictionary();

  PointCache& cache_;
  PointJournal& journal_;
  CacheMetrics& metrics_;
  // By id, with the partition, so that a look at the series itself is left to who changes it: null
  // where it is not defined, Refused() where there was no memory for the name.
  std::vector<SeriesReference> dictionary_;
  size_t dictionary_bytes_ = 0;  // as counted for the memory
  std::string refused_tenant_;   // of the last name that was refused, for the counters
  uint64_t last_sequence_ = 0;
  bool can_retry_ = false;            // the relay understands refusals
  bool is_memory_full_ = false;       // waiting for room has not helped
  bool has_asked_for_fresh_ = false;  // the stream is to start again with an empty dictionary

  // Scratch of Apply: the columns as the cache takes them.
  std::vector<SeriesReference> series_;
  std::vector<uint32_t> time_seconds_;
  std::vector<double> value_;
  bool has_refused_names_ = false;
};

}  // namespace plumbago::cache
