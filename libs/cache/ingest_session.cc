#include "cache/ingest_session.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/allocator.h"
#include "base/status.h"
#include "metric/metric_name.h"

namespace plumbago::cache {
namespace {

absl::Status Malformed(const v1::PointBatch& batch, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("batch ", batch.sequence(), ": ", what));
}

// In the dictionary: the name is known to be refused, and may be defined again.
HotSeries* Refused() {
  static char place;
  return reinterpret_cast<HotSeries*>(&place);
}

}  // namespace

IngestSession::~IngestSession() {
  for (const SeriesReference& reference : dictionary_) {
    if (reference.series == nullptr || reference.series == Refused()) continue;
    cache_.Release({&reference, 1});
  }
  cache_.memory().Add(-static_cast<int64_t>(dictionary_bytes_));
}

absl::Status IngestSession::Begin(const v1::StreamHello& hello) {
  can_retry_ = hello.can_retry_refused();
  if (hello.protocol_version() <= kProtocolVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("relay speaks protocol version ", hello.protocol_version(),
                   ", this cache knows ", kProtocolVersion, "; upgrade the caches first"));
}

bool IngestSession::WaitForRoom() {
  is_memory_full_ = false;
  if (!can_retry_) return journal_.WaitForRoom();
  // Nobody waits for the memory of another tenant: whoever holds too much is refused at once.
  const bool is_alone = !cache_.has_several_tenants();
  const MemoryBudget::Room room =
      journal_.WaitForRoom(is_alone ? kMemoryWait : absl::ZeroDuration());
  is_memory_full_ = room == MemoryBudget::Room::kNotYet;
  return room != MemoryBudget::Room::kStopped;
}

absl::Status IngestSession::Apply(const v1::PointBatch& batch, v1::IngestResponse* response) {
  PLUMBAGO_RETURN_IF_ERROR(CheckColumns(batch));
  if (absl::Status status = Define(batch.definitions()); !status.ok()) {
    return base::Annotate(status, absl::StrCat("batch ", batch.sequence()));
  }
  PLUMBAGO_RETURN_IF_ERROR(Resolve(batch));
  size_t returned_count = 0;
  const bool is_memory_short = is_memory_full_ || (can_retry_ && cache_.has_unfair_tenants());
  if (has_refused_names_ || is_memory_short) {
    returned_count = TakeOutRefused(batch, response);
    PLUMBAGO_RETURN_IF_ERROR(
        journal_.Append(series_, time_seconds_, value_, batch.received_unix_ms()));
  } else {
    PLUMBAGO_RETURN_IF_ERROR(journal_.Append(
        series_, absl::MakeConstSpan(batch.time().data(), series_.size()),
        absl::MakeConstSpan(batch.value().data(), series_.size()), batch.received_unix_ms()));
  }
  const size_t point_count = static_cast<size_t>(batch.series_id_size());
  metrics_.points_received.Increment(static_cast<double>(point_count - returned_count));
  metrics_.batches_received.Increment();
  last_sequence_ = batch.sequence();
  if (!has_asked_for_fresh_ && cache_.wants_fresh_dictionaries()) {
    has_asked_for_fresh_ = true;
    response->set_wants_fresh_dictionary(true);
  }
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
  if (id >= dictionary_.size()) {
    dictionary_.resize(std::max<size_t>(id + 1, size_t{id} * 5 / 4));
    CountDictionary();
  }
  SeriesReference& entry = dictionary_[id];
  if (entry.series != nullptr && entry.series != Refused()) {
    // A relay that was told twice that a name is forgotten may define it twice.
    if (entry.series->tenant() == tenant && entry.series->metric() == metric) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat("series id ", id, " is defined twice, with two names"));
  }
  entry = cache_.Acquire(tenant, metric);
  if (entry.series != nullptr) return absl::OkStatus();
  entry.series = Refused();
  refused_tenant_ = std::string(tenant);
  return absl::OkStatus();
}

absl::Status IngestSession::Resolve(const v1::PointBatch& batch) {
  has_refused_names_ = false;
  series_.clear();
  const auto count = static_cast<size_t>(batch.series_id_size());
  series_.reserve(count);
  const uint32_t* const ids = batch.series_id().data();
  for (size_t i = 0; i < count; ++i) {
    const uint32_t id = ids[i];
    const SeriesReference known = id < dictionary_.size() ? dictionary_[id] : SeriesReference{};
    if (known.series == nullptr) {
      return Malformed(batch, absl::StrCat("series id ", id, " is not defined"));
    }
    if (known.series == Refused()) {
      has_refused_names_ = true;
      series_.push_back({});
    } else {
      series_.push_back(known);
    }
  }
  return absl::OkStatus();
}

bool IngestSession::IsRefused(const SeriesReference& series) const {
  if (series.series == nullptr) return true;
  if (!can_retry_) return false;
  if (is_memory_full_) return !cache_.IsWithinReserve(series);
  return PointCache::IsOverShare(series);
}

size_t IngestSession::TakeOutRefused(const v1::PointBatch& batch, v1::IngestResponse* response) {
  time_seconds_.clear();
  value_.clear();
  size_t kept = 0;
  v1::RefusedPoints refused;
  std::map<std::pair<absl::string_view, absl::string_view>, double> count_by_tenant_and_reason;
  for (size_t i = 0; i < series_.size(); ++i) {
    const int column = static_cast<int>(i);
    if (!IsRefused(series_[i])) {
      series_[kept++] = series_[i];
      time_seconds_.push_back(batch.time(column));
      value_.push_back(batch.value(column));
      continue;
    }
    const bool is_name_refused = series_[i].series == nullptr;
    refused.add_index(static_cast<uint32_t>(i));
    if (is_name_refused) refused.add_forgotten_id(batch.series_id(column));
    const bool is_unfair = is_name_refused ? !is_memory_full_ : PointCache::IsOverShare(series_[i]);
    ++count_by_tenant_and_reason[{is_name_refused ? refused_tenant_ : series_[i].series->tenant(),
                                  is_unfair ? "share" : "memory_max"}];
  }
  series_.resize(kept);
  for (const auto& [key, count] : count_by_tenant_and_reason) {
    const std::string tenant(key.first);
    base::Counter& counter = can_retry_
                                 ? metrics_.refused_for_memory(tenant, std::string(key.second))
                                 : metrics_.dropped(tenant, "no_memory_for_names");
    counter.Increment(count);
  }
  if (!can_retry_ || refused.index_size() == 0) return 0;
  refused.set_sequence(batch.sequence());
  refused.set_retry_after_ms(static_cast<uint32_t>(absl::ToInt64Milliseconds(kRetryAfter)));
  const auto returned_count = static_cast<size_t>(refused.index_size());
  response->add_refused()->Swap(&refused);
  return returned_count;
}

void IngestSession::CountDictionary() {
  const size_t bytes = base::AllocatedBytes(dictionary_.capacity() * sizeof(SeriesReference));
  cache_.memory().Add(static_cast<int64_t>(bytes) - static_cast<int64_t>(dictionary_bytes_));
  dictionary_bytes_ = bytes;
}

}  // namespace plumbago::cache
