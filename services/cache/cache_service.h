// The gRPC side of a cache: plumbago.v1.Ingest for relays and plumbago.v1.Cache for queries.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <set>

#include "base/mutex.h"
#include "cache/cache_metrics.h"
#include "cache/point_cache.h"
#include "cache/point_journal.h"
#include "cache/refusal_list.h"
#include "plumbago/v1/cache.grpc.pb.h"
#include "plumbago/v1/ingest.grpc.pb.h"
#include "start_gate.h"

namespace plumbago::cache {

using EpochSource = std::function<uint64_t()>;

// One thread a stream: a shard has a few streams per relay.
class IngestService final : public v1::Ingest::Service {
 public:
  // All must outlive the service.
  IngestService(PointCache& cache, CacheMetrics& metrics, StartGate& gate, EpochSource epoch)
      : cache_(cache), metrics_(metrics), gate_(gate), epoch_(std::move(epoch)) {}

  // Opens the gate: from now on points are taken, into `journal`, which must outlive Drain().
  void Open(PointJournal& journal) {
    journal_ = &journal;
    gate_.Open();
  }

  grpc::Status Stream(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::IngestResponse, v1::IngestRequest>* stream) override;

  // Refuses new streams and ends the running ones; returns when none is left. What was
  // acknowledged is in the journal, what was not is sent again by the relay.
  void Drain();

 private:
  using IngestStream = grpc::ServerReaderWriter<v1::IngestResponse, v1::IngestRequest>;

  grpc::Status Enter(grpc::ServerContext* context);
  void Leave(grpc::ServerContext* context);
  grpc::Status Serve(IngestStream& stream);

  PointCache& cache_;
  CacheMetrics& metrics_;
  StartGate& gate_;
  const EpochSource epoch_;
  PointJournal* journal_ = nullptr;  // const once the gate is open

  base::Mutex mutex_;
  base::CondVar left_;
  std::set<grpc::ServerContext*> running_ ABSL_GUARDED_BY(mutex_);
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = false;
};

class CacheReadService final : public v1::Cache::Service {
 public:
  // All must outlive the service.
  CacheReadService(const PointCache& cache, const RefusalList& refusals, const StartGate& gate,
                   EpochSource epoch)
      : cache_(cache), refusals_(refusals), gate_(gate), epoch_(std::move(epoch)) {}

  grpc::Status ReadPoints(grpc::ServerContext* context, const v1::ReadPointsRequest* request,
                          grpc::ServerWriter<v1::ReadPointsResponse>* writer) override;
  grpc::Status ListRefusedSeries(grpc::ServerContext* context,
                                 const v1::ListRefusedSeriesRequest* request,
                                 v1::ListRefusedSeriesResponse* response) override;

 private:
  const PointCache& cache_;
  const RefusalList& refusals_;
  const StartGate& gate_;
  const EpochSource epoch_;
};

}  // namespace plumbago::cache
