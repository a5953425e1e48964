// cache::StoreWriter over gRPC: batches of points to the shard's store, sent again after a broken
// connection. Writing the same points twice changes nothing in a whisper file.
//
// Send() and the destructor belong to one thread. A series has its id in the dictionary of the
// connection in the HotSeries itself, which is in one batch at a time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "cache/cache_metrics.h"
#include "cache/durability_tracker.h"
#include "cache/flusher.h"
#include "cache/point_cache.h"
#include "cache/refusal_list.h"
#include "plumbago/v1/store.grpc.pb.h"
#include "rpc/resending_stream.h"

namespace plumbago::cache {

class StoreStream final
    : public StoreWriter,
      private rpc::ResendingStream<FlushBatch, v1::WriteRequest, v1::WriteResponse> {
 public:
  struct Listeners {
    std::function<uint64_t()> epoch;
    // On a gRPC thread for each applied batch, after the cache knows.
    std::function<void()> on_batch_done;
    // The store's machine has restarted and lost points that it had applied: the journal has them.
    std::function<void()> on_points_lost;
  };

  // Everything must outlive the stream.
  StoreStream(const std::string& address, PointCache& cache, DurabilityTracker& durability,
              RefusalList& refusals, CacheMetrics& metrics, base::Clock& clock,
              Listeners listeners);
  ~StoreStream() override;

  void Send(std::unique_ptr<FlushBatch> batch) override;
  // Asks the store to sync what it has applied; the DurabilityTracker learns of it. As Send().
  void RequestCheckpoint();
  // The last connection failed, and there has been none since.
  using ResendingStream::is_failing;
  // After it no batch is reported any more.
  using ResendingStream::Stop;

 private:
  void Open(grpc::ClientContext* context, Reactor* reactor) override;
  bool Begin(const FlushBatch& first, v1::WriteRequest* hello) override;
  bool Fits(const FlushBatch& batch) override;
  void Encode(const FlushBatch& batch, uint64_t sequence, v1::WriteRequest* request) override;
  uint64_t AcknowledgedSequence(const v1::WriteResponse& response) override;
  void OnResponse(const v1::WriteResponse& response, Items done) override;
  void OnResend(const FlushBatch& batch) override;
  void Define(HotSeries& series, v1::SeriesDefinitions* definitions);
  void LogRefusal(const HotSeries& series, const RefusedSeries& refused);

  PointCache& cache_;
  DurabilityTracker& durability_;
  RefusalList& refusals_;
  CacheMetrics& metrics_;
  base::Clock& clock_;
  const Listeners listeners_;
  const std::unique_ptr<v1::Store::Stub> stub_;

  // Of the current connection.
  uint32_t connection_ = 0;
  uint32_t next_id_ = 0;

  // Of responses.
  absl::Duration last_refusal_log_ = -absl::InfiniteDuration();
  uint64_t refusals_since_log_ = 0;
};

}  // namespace plumbago::cache
