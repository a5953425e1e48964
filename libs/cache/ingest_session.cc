#include "cache/ingest_session.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "metric/metric_name.h"

namespace plumbago::cache {
namespace {

absl::Status Malformed(const v1::PointBatch& batch, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("batch ", batch.sequence(), ": ", what));
}

}  // namespace

absl::Status IngestSession::Begin(const v1::StreamHello& hello) {
  if (hello.protocol_version() <= kProtocolVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("relay speaks protocol version ", hello.protocol_version(),
                   ", this cache knows ", kProtocolVersion, "; upgrade the caches first"));
}

absl::Status IngestSession::Apply(const v1::PointBatch& batch) {
  PLUMBAGO_RETURN_IF_ERROR(CheckColumns(batch));
  if (absl::Status status = Define(batch.definitions()); !status.ok()) {
    return base::Annotate(status, absl::StrCat("batch ", batch.sequence()));
  }
  PLUMBAGO_RETURN_IF_ERROR(Resolve(batch));
  if (has_refused_) {
    const size_t refused_count = TakeOutRefused(batch);
    PLUMBAGO_RETURN_IF_ERROR(journal_.Append(series_, time_seconds_, value_));
    metrics_.dropped(refused_tenant_, "no_memory_for_names")
        .Increment(static_cast<double>(refused_count));
  } else {
    PLUMBAGO_RETURN_IF_ERROR(
        journal_.Append(series_, absl::MakeConstSpan(batch.time().data(), series_.size()),
                        absl::MakeConstSpan(batch.value().data(), series_.size())));
  }
  metrics_.points_received.Increment(static_cast<double>(batch.series_id_size()));
  metrics_.batches_received.Increment();
  last_sequence_ = batch.sequence();
  return absl::OkStatus();
}

absl::Status IngestSession::CheckColumns(const v1::PointBatch& batch) const {
  const size_t count = static_cast<size_t>(batch.series_id_size());
  if (count > kBatchPointsMax) {
    return Malformed(batch, absl::StrCat(count, " points; at most ", kBatchPointsMax));
  }
  if (static_cast<size_t>(batch.time_size()) != count ||
      static_cast<size_t>(batch.value_size()) != count) {
    return Malformed(batch,
                     absl::StrCat("columns of unequal length: ", count, " ids, ", batch.time_size(),
                                  " times, ", batch.value_size(), " values"));
  }
  if (batch.sequence() != last_sequence_ + 1) {
    return Malformed(batch, absl::StrCat("follows batch ", last_sequence_));
  }
  return absl::OkStatus();
}

absl::Status IngestSession::Define(const v1::SeriesDefinitions& definitions) {
  const int count = definitions.id_size();
  if (definitions.tenant_index_size() != count || definitions.metric_bytes_size() != count) {
    return absl::InvalidArgumentError("definitions of unequal length");
  }
  size_t offset = 0;
  const absl::string_view metrics = definitions.metrics();
  for (int i = 0; i < count; ++i) {
    const uint32_t tenant = definitions.tenant_index(i);
    const size_t size = definitions.metric_bytes(i);
    if (tenant >= static_cast<uint32_t>(definitions.tenant_size())) {
      return absl::InvalidArgumentError(
          absl::StrCat("tenant index ", tenant, " of ", definitions.tenant_size(), " tenants"));
    }
    if (size == 0 || size > metrics.size() - offset) {
      return absl::InvalidArgumentError("metric lengths do not fit their text");
    }
    PLUMBAGO_RETURN_IF_ERROR(DefineOne(definitions.id(i),
                                       definitions.tenant(static_cast<int>(tenant)),
                                       metrics.substr(offset, size)));
    offset += size;
  }
  return absl::OkStatus();
}

absl::Status IngestSession::DefineOne(uint32_t id, absl::string_view tenant,
                                      absl::string_view metric) {
  if (id >= kSeriesMax) {
    return absl::InvalidArgumentError(absl::StrCat("series id ", id, "; at most ", kSeriesMax - 1));
  }
  if (tenant.empty() || tenant.size() > 64 || metric.size() > metric::kMetricBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("series ", id, " has a tenant of ",
                                                   tenant.size(), " and a name of ", metric.size(),
                                                   " bytes"));
  }
  if (id >= dictionary_.size()) dictionary_.resize(std::max<size_t>(id + 1, size_t{id} * 3 / 2));
  Entry& entry = dictionary_[id];
  if (entry.state != Entry::State::kUndefined) {
    return absl::InvalidArgumentError(absl::StrCat("series id ", id, " is defined twice"));
  }
  entry.reference = cache_.Acquire(tenant, metric);
  entry.state = entry.reference.series != nullptr ? Entry::State::kKnown : Entry::State::kRefused;
  if (entry.state == Entry::State::kRefused) refused_tenant_ = std::string(tenant);
  return absl::OkStatus();
}

absl::Status IngestSession::Resolve(const v1::PointBatch& batch) {
  has_refused_ = false;
  series_.clear();
  series_.reserve(static_cast<size_t>(batch.series_id_size()));
  for (const uint32_t id : batch.series_id()) {
    if (id >= dictionary_.size() || dictionary_[id].state == Entry::State::kUndefined) {
      return Malformed(batch, absl::StrCat("series id ", id, " is not defined"));
    }
    has_refused_ = has_refused_ || dictionary_[id].state == Entry::State::kRefused;
    series_.push_back(dictionary_[id].reference);
  }
  return absl::OkStatus();
}

// The points of series that the cache has no room for.
size_t IngestSession::TakeOutRefused(const v1::PointBatch& batch) {
  time_seconds_.clear();
  value_.clear();
  size_t kept = 0;
  for (size_t i = 0; i < series_.size(); ++i) {
    if (series_[i].series == nullptr) continue;
    series_[kept++] = series_[i];
    time_seconds_.push_back(batch.time(static_cast<int>(i)));
    value_.push_back(batch.value(static_cast<int>(i)));
  }
  const size_t refused_count = series_.size() - kept;
  series_.resize(kept);
  return refused_count;
}

std::vector<SeriesReference> IngestSession::dictionary_references() const {
  std::vector<SeriesReference> references;
  for (const Entry& entry : dictionary_) {
    if (entry.state == Entry::State::kKnown) references.push_back(entry.reference);
  }
  return references;
}

}  // namespace plumbago::cache
