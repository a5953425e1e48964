// relay::BatchStream over gRPC: one reactor's batches to one cache, sent again after a broken
// connection with the names they need. Points carry their times, so a batch that arrives twice
// changes nothing.
//
// Send() and the destructor belong to one thread.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "plumbago/v1/ingest.grpc.pb.h"
#include "relay/batch.h"
#include "relay/relay_metrics.h"
#include "rpc/resending_stream.h"
#include "topology/slot_map.h"

namespace plumbago::relay {

class IngestStream final
    : public BatchStream,
      private rpc::ResendingStream<Batch, grpc::ByteBuffer, v1::IngestResponse> {
 public:
  // `on_acknowledged` is called on a gRPC thread after each acknowledgement. `metrics` must outlive
  // the stream. `sender` names this process in the cache's logs.
  IngestStream(const topology::ShardInfo& shard, const std::string& sender, RelayMetrics& metrics,
               std::function<void()> on_acknowledged);
  // Drops what is not acknowledged: wait for unacknowledged_bytes() == 0 first.
  ~IngestStream() override;

  void Send(std::unique_ptr<Batch> batch) override;
  size_t unacknowledged_bytes() const override { return unacknowledged_bytes_.load(); }
  uint64_t acknowledged_count() const override { return acknowledged_count_.load(); }
  bool is_failing() override { return ResendingStream::is_failing(); }
  std::vector<RefusedBatch> TakeRefused() override;
  bool TakeFreshNamesRequest() override { return wants_fresh_names_.exchange(false); }
  // What was refused and not taken yet comes first.
  std::vector<std::unique_ptr<Batch>> TakeBack() override;

 private:
  void Open(grpc::ClientContext* context, Reactor* reactor) override;
  bool Begin(const Batch& first, grpc::ByteBuffer* hello) override;
  bool Fits(const Batch& batch) override { return batch.names == names_; }
  void Encode(const Batch& batch, uint64_t sequence, grpc::ByteBuffer* request) override;
  uint64_t AcknowledgedSequence(const v1::IngestResponse& response) override;
  void OnResponse(const v1::IngestResponse& response, Items done) override;
  void OnResend(const Batch& batch) override;
  // `batch` is with somebody else from here on.
  void GiveUp(const Batch& batch);
  // What the cache has refused of `batch`, which keeps nothing of it.
  void Refuse(const v1::RefusedPoints& refused, Batch& batch);
  void DefineNewSeries(const Batch& batch, v1::PointBatch* head);

  const std::string sender_;
  RelayMetrics& metrics_;
  base::Counter& shard_points_acknowledged_;
  const std::function<void()> on_acknowledged_;
  // Of plumbago.v1.Ingest, but for requests that are encoded already (rpc/ingest_wire.h).
  grpc::TemplatedGenericStub<grpc::ByteBuffer, v1::IngestResponse> stub_;
  std::atomic<size_t> unacknowledged_bytes_{0};
  std::atomic<uint64_t> acknowledged_count_{0};
  std::atomic<bool> wants_fresh_names_{false};

  base::Mutex refused_mutex_;
  std::vector<RefusedBatch> refused_ ABSL_GUARDED_BY(refused_mutex_);
  // Series of this connection that the cache does not know any more.
  std::vector<uint32_t> forgotten_ids_ ABSL_GUARDED_BY(refused_mutex_);

  // Of the current connection.
  std::shared_ptr<const NameTable> names_;
  std::vector<bool> is_defined_;  // by series id
  v1::PointBatch head_;           // scratch of Encode
};

}  // namespace plumbago::relay
