#include "ingest_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rpc/ingest_wire.h"
#include "rpc/series_definitions.h"
#include "rpc/server.h"

namespace plumbago::relay {
namespace {

constexpr uint32_t kProtocolVersion = 1;
constexpr char kMethod[] = "/plumbago.v1.Ingest/Stream";

}  // namespace

IngestStream::IngestStream(const topology::ShardInfo& shard, const std::string& sender,
                           RelayMetrics& metrics, std::function<void()> on_acknowledged)
    : ResendingStream(absl::StrCat("cache of shard ", shard.id, " at ", shard.cache_address)),
      sender_(sender),
      metrics_(metrics),
      shard_points_acknowledged_(metrics.shard_points_acknowledged(shard.id)),
      on_acknowledged_(std::move(on_acknowledged)),
      stub_(rpc::MakeChannel(shard.cache_address)) {}

IngestStream::~IngestStream() { Stop(); }

void IngestStream::Send(std::unique_ptr<Batch> batch) {
  unacknowledged_bytes_.fetch_add(batch->memory_bytes());
  metrics_.points_held.Add(static_cast<double>(batch->point_count()));
  ResendingStream::Send(std::move(batch));
}

std::vector<std::unique_ptr<Batch>> IngestStream::TakeBack() {
  std::vector<std::unique_ptr<Batch>> unacknowledged = ResendingStream::TakeBack();
  size_t points = 0;
  for (const auto& batch : unacknowledged) points += batch->point_count();
  metrics_.points_resent.Increment(static_cast<double>(points));
  std::vector<std::unique_ptr<Batch>> batches;
  {
    base::MutexLock lock(refused_mutex_);
    for (RefusedBatch& refused : refused_) batches.push_back(std::move(refused.batch));
    refused_.clear();
  }
  for (auto& batch : unacknowledged) batches.push_back(std::move(batch));
  for (const auto& batch : batches) GiveUp(*batch);
  return batches;
}

std::vector<RefusedBatch> IngestStream::TakeRefused() {
  base::MutexLock lock(refused_mutex_);
  for (const RefusedBatch& refused : refused_) GiveUp(*refused.batch);
  return std::exchange(refused_, {});
}

void IngestStream::GiveUp(const Batch& batch) {
  unacknowledged_bytes_.fetch_sub(batch.memory_bytes());
  metrics_.points_held.Add(-static_cast<double>(batch.point_count()));
}

void IngestStream::Open(grpc::ClientContext* context, Reactor* reactor) {
  stub_.PrepareBidiStreamingCall(context, kMethod, /*options=*/{}, reactor);
}

bool IngestStream::Begin(const Batch& first, grpc::ByteBuffer* hello) {
  names_ = first.names;
  is_defined_.clear();
  {
    base::MutexLock lock(refused_mutex_);
    forgotten_ids_.clear();
  }
  v1::StreamHello message;
  message.set_protocol_version(kProtocolVersion);
  message.set_relay(sender_);
  message.set_epoch(first.epoch);
  message.set_can_retry_refused(true);
  *hello = rpc::EncodeHello(message);
  return true;
}

void IngestStream::Encode(const Batch& batch, uint64_t sequence, grpc::ByteBuffer* request) {
  const BatchColumns& points = batch.points;
  head_.Clear();
  head_.set_sequence(sequence);
  head_.set_epoch(batch.epoch);
  head_.set_received_unix_ms(batch.received_unix_ms);
  DefineNewSeries(batch, &head_);
  *request = rpc::EncodeBatch(
      head_, {points.series_id(), points.time_seconds(), points.value(), points.memory()});
}

void IngestStream::DefineNewSeries(const Batch& batch, v1::PointBatch* head) {
  {
    base::MutexLock lock(refused_mutex_);
    for (const uint32_t id : forgotten_ids_) {
      if (id < is_defined_.size()) is_defined_[id] = false;
    }
    forgotten_ids_.clear();
  }
  for (const uint32_t id : batch.points.series_id()) {
    if (id < is_defined_.size() && is_defined_[id]) continue;
    if (id >= is_defined_.size()) is_defined_.resize(std::max<size_t>(id + 1, size_t{id} * 2));
    is_defined_[id] = true;
    const SeriesName name = batch.names->Get(id);
    rpc::AppendDefinition(id, name.tenant, name.metric, head->mutable_definitions());
  }
}

uint64_t IngestStream::AcknowledgedSequence(const v1::IngestResponse& response) {
  return response.acknowledged_sequence();
}

void IngestStream::OnResponse(const v1::IngestResponse& response, Items done) {
  size_t bytes = 0;
  size_t points = 0;
  for (const auto& batch : done) {
    bytes += batch->memory_bytes();
    points += batch->point_count();
  }
  const uint64_t first_sequence = response.acknowledged_sequence() - done.size() + 1;
  for (const v1::RefusedPoints& refused : response.refused()) {
    const uint64_t index = refused.sequence() - first_sequence;
    if (index >= done.size()) continue;
    points -= std::min(points, static_cast<size_t>(refused.index_size()));
    Refuse(refused, *done[index]);
  }
  if (response.wants_fresh_dictionary()) wants_fresh_names_.store(true);
  for (const auto& batch : done) {
    if (batch->delivery != nullptr) batch->delivery->OnBatchAccepted();
  }
  unacknowledged_bytes_.fetch_sub(bytes);
  acknowledged_count_.fetch_add(done.size());
  metrics_.points_acknowledged.Increment(static_cast<double>(points));
  shard_points_acknowledged_.Increment(static_cast<double>(points));
  metrics_.points_held.Add(-static_cast<double>(points));
  on_acknowledged_();
}

void IngestStream::Refuse(const v1::RefusedPoints& refused, Batch& batch) {
  auto rest = std::make_unique<Batch>();
  rest->names = batch.names;
  rest->epoch = batch.epoch;
  rest->received_unix_ms = batch.received_unix_ms;
  const BatchColumns& points = batch.points;
  rest->points.Reserve(std::min(points.size(), static_cast<size_t>(refused.index_size())));
  for (const uint32_t index : refused.index()) {
    if (index >= points.size()) continue;
    rest->points.Append(points.series_id()[index], points.time_seconds()[index],
                        points.value()[index]);
  }
  rest->delivery = std::move(batch.delivery);  // accepted when the rest is
  unacknowledged_bytes_.fetch_add(rest->memory_bytes());
  metrics_.points_refused_by_cache.Increment(static_cast<double>(rest->point_count()));
  base::MutexLock lock(refused_mutex_);
  refused_.push_back({std::move(rest), absl::Milliseconds(refused.retry_after_ms())});
  forgotten_ids_.insert(forgotten_ids_.end(), refused.forgotten_id().begin(),
                        refused.forgotten_id().end());
}

void IngestStream::OnResend(const Batch& batch) {
  metrics_.batches_resent.Increment();
  metrics_.points_resent.Increment(static_cast<double>(batch.point_count()));
}

}  // namespace plumbago::relay
