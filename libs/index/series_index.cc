#include "index/series_index.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "index/internal/event_log.h"
#include "index/internal/record.h"
#include "index/internal/tenant.h"

namespace plumbago::index {
namespace {

using base::KeyValueSync;

constexpr absl::string_view kFormatKey = "format";
constexpr absl::string_view kFormat = "2";
constexpr absl::string_view kFormatWithoutInfo = "1";
constexpr absl::string_view kLifeKey = "life";
// In one change of the KeyValue.
constexpr size_t kBatchSeriesMax = 4096;
// While readers wait.
constexpr size_t kLockedSeriesMax = 256;
// Sequences of one life of the index: a watcher from an earlier life is told so, never misled.
constexpr int kSequenceBits = 40;
constexpr uint64_t kLastUpdateStepSeconds = 3600;

// Calls `apply` for parts of `items`, until it fails.
template <typename Item, typename Apply>
absl::Status InParts(absl::Span<const Item> items, size_t part_size, const Apply& apply) {
  for (size_t first = 0; first < items.size(); first += part_size) {
    PLUMBAGO_RETURN_IF_ERROR(apply(items.subspan(first, part_size)));
  }
  return absl::OkStatus();
}

// Whether the record must be written anew: see UpdateMany. The time of a record is never later than
// the one in memory.
bool MustBeWritten(absl::string_view metric, const SeriesInfo& before, const SeriesInfo& after) {
  if (after.file_bytes != before.file_bytes) return true;
  if (after.last_update_unix_seconds < before.last_update_unix_seconds) return true;
  if (before.last_update_unix_seconds == 0) return true;  // was not known
  const uint64_t shift = base::Hash64(metric) % kLastUpdateStepSeconds;
  return (after.last_update_unix_seconds + shift) / kLastUpdateStepSeconds !=
         (before.last_update_unix_seconds + shift) / kLastUpdateStepSeconds;
}

}  // namespace

SeriesIndex::SeriesIndex(base::KeyValue& kv)
    : kv_(kv), events_(std::make_unique<internal::EventLog>()) {}

SeriesIndex::~SeriesIndex() = default;

absl::StatusOr<std::unique_ptr<SeriesIndex>> SeriesIndex::Open(base::KeyValue& kv) {
  std::unique_ptr<SeriesIndex> index(new SeriesIndex(kv));
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t life, index->StartLife());
  index->events_->StartAfter(life << kSequenceBits);
  PLUMBAGO_RETURN_IF_ERROR(index->Load());
  return index;
}

absl::StatusOr<uint64_t> SeriesIndex::StartLife() {
  const absl::StatusOr<std::string> format = kv_.Get(kFormatKey);
  if (!format.ok() && !absl::IsNotFound(format.status())) return format.status();
  if (format.ok() && *format != kFormat && *format != kFormatWithoutInfo) {
    return absl::FailedPreconditionError(
        absl::StrCat("the series index has format \"", base::Excerpt(*format),
                     "\"; this release reads ", kFormatWithoutInfo, " and ", kFormat));
  }
  uint64_t life = 0;
  const absl::StatusOr<std::string> last_life = kv_.Get(kLifeKey);
  if (!last_life.ok() && !absl::IsNotFound(last_life.status())) return last_life.status();
  if (last_life.ok() && !absl::SimpleAtoi(*last_life, &life)) {
    return absl::DataLossError(absl::StrCat("the series index has a malformed life counter \"",
                                            base::Excerpt(*last_life), "\""));
  }
  ++life;
  PLUMBAGO_RETURN_IF_ERROR(kv_.Apply({{std::string(kFormatKey), std::string(kFormat)},
                                      {std::string(kLifeKey), absl::StrCat(life)}},
                                     KeyValueSync::kDisk));
  return life;
}

absl::Status SeriesIndex::Load() {
  absl::Status malformed;
  std::string tenant_id;
  Tenant* tenant = nullptr;
  const absl::Status scanned =
      kv_.Scan(internal::kSeriesPrefix, [&](absl::string_view key, absl::string_view value) {
        const auto record = internal::ParseRecord(key, value);
        if (!record.ok()) {
          malformed = record.status();
          return false;
        }
        if (tenant == nullptr || record->tenant != tenant_id) {
          tenant_id = std::string(record->tenant);
          tenant = &FindOrAddTenant(tenant_id);
        }
        base::WriterLock lock(tenant->mutex);
        if (tenant->Add(record->metric, record->info)) {
          series_count_.fetch_add(1, std::memory_order_relaxed);
        }
        return true;
      });
  PLUMBAGO_RETURN_IF_ERROR(scanned);
  return malformed;
}

absl::Status SeriesIndex::Add(absl::string_view tenant, absl::string_view metric,
                              const SeriesInfo& info) {
  const SeriesEntry entry{std::string(metric), info};
  return AddMany(tenant, absl::MakeConstSpan(&entry, 1));
}

absl::Status SeriesIndex::AddMany(absl::string_view tenant, absl::Span<const SeriesEntry> entries) {
  return InParts(entries, kBatchSeriesMax, [&](auto part) { return AddBatch(tenant, part); });
}

absl::Status SeriesIndex::AddBatch(absl::string_view tenant_id,
                                   absl::Span<const SeriesEntry> entries) {
  for (const SeriesEntry& entry : entries) {
    PLUMBAGO_RETURN_IF_ERROR(internal::ValidateSeries(tenant_id, entry.metric));
  }
  Tenant& tenant = FindOrAddTenant(tenant_id);
  {
    base::MutexLock change_lock(tenant.change_mutex);
    const std::string prefix = internal::TenantPrefix(tenant_id);
    std::vector<base::KeyValueChange> changes;
    std::vector<const SeriesEntry*> missing;
    absl::flat_hash_set<absl::string_view> seen;
    {
      base::ReaderLock lock(tenant.mutex);
      for (const SeriesEntry& entry : entries) {
        if (tenant.Contains(entry.metric) || !seen.insert(entry.metric).second) continue;
        missing.push_back(&entry);
      }
    }
    if (missing.empty()) return absl::OkStatus();
    for (const SeriesEntry* entry : missing) {
      changes.push_back({absl::StrCat(prefix, entry->metric), internal::EncodeInfo(entry->info)});
    }
    PLUMBAGO_RETURN_IF_ERROR(kv_.Apply(changes, KeyValueSync::kPageCache));
    PLUMBAGO_RETURN_IF_ERROR(
        InParts(absl::MakeConstSpan(missing), kLockedSeriesMax, [&](auto part) {
          base::WriterLock lock(tenant.mutex);
          for (const SeriesEntry* entry : part) tenant.Add(entry->metric, entry->info);
          return absl::OkStatus();
        }));
    series_count_.fetch_add(missing.size(), std::memory_order_relaxed);
    for (const SeriesEntry* entry : missing) {
      events_->Record(Event::Kind::kAdded, tenant_id, entry->metric);
    }
  }
  Notify();
  return absl::OkStatus();
}

absl::Status SeriesIndex::UpdateMany(absl::string_view tenant,
                                     absl::Span<const SeriesEntry> entries) {
  return InParts(entries, kBatchSeriesMax, [&](auto part) { return UpdateBatch(tenant, part); });
}

absl::Status SeriesIndex::UpdateBatch(absl::string_view tenant_id,
                                      absl::Span<const SeriesEntry> entries) {
  Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return absl::OkStatus();
  base::MutexLock change_lock(tenant->change_mutex);
  const std::string prefix = internal::TenantPrefix(tenant_id);
  std::vector<base::KeyValueChange> changes;
  std::vector<const SeriesEntry*> changed;
  absl::flat_hash_set<absl::string_view> seen;
  {
    base::ReaderLock lock(tenant->mutex);
    for (const SeriesEntry& entry : entries) {
      const auto before = tenant->Get(entry.metric);
      if (!before || *before == entry.info || !seen.insert(entry.metric).second) continue;
      changed.push_back(&entry);
      if (MustBeWritten(entry.metric, *before, entry.info)) {
        changes.push_back({absl::StrCat(prefix, entry.metric), internal::EncodeInfo(entry.info)});
      }
    }
  }
  if (!changes.empty()) PLUMBAGO_RETURN_IF_ERROR(kv_.Apply(changes, KeyValueSync::kPageCache));
  return InParts(absl::MakeConstSpan(changed), kLockedSeriesMax, [&](auto part) {
    base::WriterLock lock(tenant->mutex);
    for (const SeriesEntry* entry : part) tenant->Update(entry->metric, entry->info);
    return absl::OkStatus();
  });
}

absl::Status SeriesIndex::Remove(absl::string_view tenant, absl::string_view metric) {
  const std::string name(metric);
  return RemoveMany(tenant, absl::MakeConstSpan(&name, 1));
}

absl::Status SeriesIndex::RemoveMany(absl::string_view tenant,
                                     absl::Span<const std::string> metrics) {
  return InParts(metrics, kBatchSeriesMax, [&](auto part) { return RemoveBatch(tenant, part); });
}

absl::Status SeriesIndex::RemoveBatch(absl::string_view tenant_id,
                                      absl::Span<const std::string> metrics) {
  Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return absl::OkStatus();
  {
    base::MutexLock change_lock(tenant->change_mutex);
    const std::string prefix = internal::TenantPrefix(tenant_id);
    std::vector<base::KeyValueChange> changes;
    std::vector<absl::string_view> present;
    absl::flat_hash_set<absl::string_view> seen;
    {
      base::ReaderLock lock(tenant->mutex);
      for (const std::string& metric : metrics) {
        if (tenant->Contains(metric) && seen.insert(metric).second) present.push_back(metric);
      }
    }
    if (present.empty()) return absl::OkStatus();
    for (const absl::string_view metric : present) {
      changes.push_back({absl::StrCat(prefix, metric), "", true});
    }
    PLUMBAGO_RETURN_IF_ERROR(kv_.Apply(changes, KeyValueSync::kPageCache));
    PLUMBAGO_RETURN_IF_ERROR(
        InParts(absl::MakeConstSpan(present), kLockedSeriesMax, [&](auto part) {
          base::WriterLock lock(tenant->mutex);
          for (const absl::string_view metric : part) tenant->Remove(metric);
          return absl::OkStatus();
        }));
    series_count_.fetch_sub(present.size(), std::memory_order_relaxed);
    removal_count_.fetch_add(present.size(), std::memory_order_release);
    for (const absl::string_view metric : present) {
      events_->Record(Event::Kind::kRemoved, tenant_id, metric);
    }
  }
  Notify();
  return absl::OkStatus();
}

uint64_t SeriesIndex::sequence() const { return events_->sequence(); }

std::vector<SeriesIndex::Event> SeriesIndex::EventsAfter(uint64_t sequence, size_t max) const {
  return events_->After(sequence, max);
}

SeriesIndex::Tenant* SeriesIndex::FindTenant(absl::string_view id) const {
  base::ReaderLock lock(tenants_mutex_);
  const auto found = tenants_.find(id);
  return found == tenants_.end() ? nullptr : found->second.get();
}

SeriesIndex::Tenant& SeriesIndex::FindOrAddTenant(absl::string_view id) {
  if (Tenant* tenant = FindTenant(id); tenant != nullptr) return *tenant;
  base::WriterLock lock(tenants_mutex_);
  std::unique_ptr<Tenant>& tenant = tenants_[std::string(id)];
  if (tenant == nullptr) tenant = std::make_unique<Tenant>();
  return *tenant;
}

void SeriesIndex::Notify() const {
  if (listener_) listener_();
}

}  // namespace plumbago::index
