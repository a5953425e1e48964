#include "store_stream.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/status.h"
#include "rpc/series_definitions.h"
#include "rpc/server.h"

namespace plumbago::cache {
namespace {

// A cache whose series come and go would fill the store's dictionary: start again at this id.
constexpr uint32_t kSeriesPerConnectionMax = 1u << 24;
constexpr absl::Duration kRefusalLogInterval = absl::Seconds(10);

}  // namespace

StoreStream::StoreStream(const std::string& address, PointCache& cache,
                         DurabilityTracker& durability, RefusalList& refusals,
                         CacheMetrics& metrics, base::Clock& clock, Listeners listeners)
    : ResendingStream(absl::StrCat("store at ", address)),
      cache_(cache),
      durability_(durability),
      refusals_(refusals),
      metrics_(metrics),
      clock_(clock),
      listeners_(std::move(listeners)),
      stub_(v1::Store::NewStub(rpc::MakeChannel(address))) {}

StoreStream::~StoreStream() { Stop(); }

void StoreStream::Send(std::unique_ptr<FlushBatch> batch) {
  ResendingStream::Send(std::move(batch));
}

void StoreStream::RequestCheckpoint() {
  auto batch = std::make_unique<FlushBatch>();
  batch->wants_checkpoint = true;
  ResendingStream::Send(std::move(batch));
}

void StoreStream::Open(grpc::ClientContext* context, Reactor* reactor) {
  stub_->async()->Write(context, reactor);
}

bool StoreStream::Begin(const FlushBatch&, v1::WriteRequest*) {
  ++connection_;
  next_id_ = 0;
  durability_.OnConnected();
  return false;
}

bool StoreStream::Fits(const FlushBatch& batch) {
  return next_id_ + batch.series.size() <= kSeriesPerConnectionMax;
}

void StoreStream::Encode(const FlushBatch& batch, uint64_t sequence, v1::WriteRequest* request) {
  request->Clear();
  request->set_sequence(sequence);
  request->set_epoch(listeners_.epoch());
  request->set_wants_checkpoint(batch.wants_checkpoint);
  for (HotSeries* const series : batch.series) {
    if (series->store_connection != connection_) Define(*series, request->mutable_definitions());
    request->add_series_id(series->store_id);
  }
  request->mutable_point_count()->Add(batch.point_count.begin(), batch.point_count.end());
  request->mutable_time()->Add(batch.time_seconds.begin(), batch.time_seconds.end());
  request->mutable_value()->Add(batch.value.begin(), batch.value.end());
}

void StoreStream::Define(HotSeries& series, v1::SeriesDefinitions* definitions) {
  series.store_connection = connection_;
  series.store_id = next_id_++;
  rpc::AppendDefinition(series.store_id, series.tenant(), series.metric(), definitions);
}

uint64_t StoreStream::AcknowledgedSequence(const v1::WriteResponse& response) {
  return response.applied_sequence();
}

void StoreStream::OnResponse(const v1::WriteResponse& response, Items done) {
  if (!response.boot_id().empty() && !durability_.OnBootId(response.boot_id())) {
    listeners_.on_points_lost();
  }
  absl::flat_hash_map<uint32_t, const v1::RefusedSeries*> refused_by_id;
  for (const v1::RefusedSeries& one : response.refused()) refused_by_id[one.series_id()] = &one;
  if (!done.empty()) base::Failpoint("flush.applied");
  uint64_t sequence = response.applied_sequence() - done.size();
  for (auto& batch : done) {
    durability_.OnApplied(++sequence, batch->oldest_segment);
    if (batch->wants_checkpoint) continue;
    std::vector<RefusedSeries> refused;
    for (uint32_t i = 0; i < batch->series.size() && !refused_by_id.empty(); ++i) {
      const auto found = refused_by_id.find(batch->series[i]->store_id);
      if (found == refused_by_id.end()) continue;
      const v1::RefusedSeries& one = *found->second;
      refused.push_back(
          {.index = i,
           .point_count = one.point_count(),
           .may_retry = one.reason() == v1::RefusedSeries::WRITE_FAILED,
           .reason = absl::AsciiStrToLower(v1::RefusedSeries::Reason_Name(one.reason())),
           .message = one.message()});
      LogRefusal(*batch->series[i], refused.back());
      refused_by_id.erase(found);
    }
    cache_.OnApplied(std::move(batch), refused);
    listeners_.on_batch_done();
  }
  durability_.OnDurable(response.durable_sequence());
}

void StoreStream::OnResend(const FlushBatch& batch) {
  metrics_.flush_batches_resent.Increment();
  metrics_.flush_points_resent.Increment(static_cast<double>(batch.value.size()));
}

void StoreStream::LogRefusal(const HotSeries& series, const RefusedSeries& refused) {
  refusals_.Add(series.tenant(), series.metric(), refused, clock_.Now());
  ++refusals_since_log_;
  const absl::Duration now = clock_.Monotonic();
  if (now - last_refusal_log_ < kRefusalLogInterval) return;
  last_refusal_log_ = now;
  base::LogWarning(absl::StrCat("the store refused ", std::exchange(refusals_since_log_, 0),
                                " series, the last one is ", base::Excerpt(series.metric()),
                                " of tenant ", base::Excerpt(series.tenant()), ": ",
                                refused.message));  // the store's own, whole: it says how to mend
}

}  // namespace plumbago::cache
