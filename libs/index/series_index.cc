#include "index/series_index.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/internal/name_tree.h"
#include "metric/glob.h"

namespace plumbago::index {
namespace {

using base::KeyValueSync;

constexpr absl::string_view kFormatKey = "format";
constexpr absl::string_view kFormat = "1";
constexpr absl::string_view kLifeKey = "life";
constexpr absl::string_view kSeriesPrefix = "s";
constexpr size_t kBatchSeriesMax = 4096;
// Sequences of one life of the index: a watcher from an earlier life is told so, never misled.
constexpr int kSequenceBits = 40;

bool IsTagged(absl::string_view metric) { return absl::StrContains(metric, ';'); }

std::string TenantPrefix(absl::string_view tenant) {
  return absl::StrCat(kSeriesPrefix, tenant, absl::string_view("\0", 1));
}

absl::Status ValidateSeries(absl::string_view tenant, absl::string_view metric) {
  const auto invalid = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("series \"", base::Excerpt(metric),
                                                   "\" of tenant \"", base::Excerpt(tenant),
                                                   "\" cannot be indexed: ", why));
  };
  if (tenant.empty()) return invalid("the tenant is empty");
  if (metric.empty()) return invalid("the name is empty");
  if (metric.size() > kMetricBytesMax) {
    return invalid(absl::StrCat("its ", metric.size(), " bytes are more than ", kMetricBytesMax));
  }
  if (absl::StrContains(tenant, '\0') || absl::StrContains(metric, '\0')) {
    return invalid("it has a zero byte");
  }
  const bool has_empty_node =
      metric.front() == '.' || metric.back() == '.' || absl::StrContains(metric, "..");
  if (!IsTagged(metric) && has_empty_node) return invalid("it has an empty node");
  return absl::OkStatus();
}

size_t EventBytes(const SeriesIndex::Event& event) {
  return sizeof(event) + event.tenant.size() + event.metric.size();
}

}  // namespace

struct SeriesIndex::Tenant {
  // Orders changes, so that what is durable and what is visible agree; held while the KeyValue
  // writes. Taken before `mutex`.
  base::Mutex change_mutex ABSL_ACQUIRED_BEFORE(mutex);

  base::SharedMutex mutex;
  internal::NameTree tree ABSL_GUARDED_BY(mutex);
  absl::flat_hash_set<std::string> tagged ABSL_GUARDED_BY(mutex);
  size_t series_count ABSL_GUARDED_BY(mutex) = 0;

  bool Has(absl::string_view metric) const ABSL_SHARED_LOCKS_REQUIRED(mutex) {
    return IsTagged(metric) ? tagged.contains(metric) : tree.Contains(metric);
  }
  bool Insert(absl::string_view metric) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const bool is_new =
        IsTagged(metric) ? tagged.insert(std::string(metric)).second : tree.Add(metric);
    if (is_new) ++series_count;
    return is_new;
  }
  bool Erase(absl::string_view metric) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const bool was_there = IsTagged(metric) ? tagged.erase(metric) > 0 : tree.Remove(metric);
    if (was_there) --series_count;
    return was_there;
  }
};

SeriesIndex::SeriesIndex(base::KeyValue& kv) : kv_(kv) {}

SeriesIndex::~SeriesIndex() = default;

absl::StatusOr<std::unique_ptr<SeriesIndex>> SeriesIndex::Open(base::KeyValue& kv) {
  std::unique_ptr<SeriesIndex> index(new SeriesIndex(kv));
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t life, index->StartLife());
  {
    base::MutexLock lock(index->events_mutex_);
    index->sequence_ = life << kSequenceBits;
  }
  PLUMBAGO_RETURN_IF_ERROR(index->Load());
  return index;
}

absl::StatusOr<uint64_t> SeriesIndex::StartLife() {
  const absl::StatusOr<std::string> format = kv_.Get(kFormatKey);
  if (!format.ok() && !absl::IsNotFound(format.status())) return format.status();
  if (format.ok() && *format != kFormat) {
    return absl::FailedPreconditionError(absl::StrCat("the series index has format \"",
                                                      base::Excerpt(*format),
                                                      "\"; this release reads ", kFormat));
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
  const absl::Status scanned =
      kv_.Scan(kSeriesPrefix, [&](absl::string_view key, absl::string_view) {
        const absl::string_view series = key.substr(kSeriesPrefix.size());
        const size_t separator = series.find('\0');
        const bool has_separator = separator != absl::string_view::npos;
        const absl::string_view tenant_id = series.substr(0, has_separator ? separator : 0);
        const absl::string_view metric = has_separator ? series.substr(separator + 1) : series;
        if (const absl::Status status = ValidateSeries(tenant_id, metric); !status.ok()) {
          malformed = absl::DataLossError(
              absl::StrCat("the series index has a malformed record: ", status.message()));
          return false;
        }
        Tenant& tenant = FindOrAddTenant(tenant_id);
        base::WriterLock lock(tenant.mutex);
        if (tenant.Insert(metric)) series_count_.fetch_add(1, std::memory_order_relaxed);
        return true;
      });
  PLUMBAGO_RETURN_IF_ERROR(scanned);
  return malformed;
}

absl::Status SeriesIndex::Add(absl::string_view tenant, absl::string_view metric) {
  if (Contains(tenant, metric)) return absl::OkStatus();
  return AddBatch(tenant, absl::MakeConstSpan(&metric, 1));
}

absl::Status SeriesIndex::AddMany(absl::string_view tenant, absl::Span<const std::string> metrics) {
  std::vector<absl::string_view> batch;
  for (size_t first = 0; first < metrics.size(); first += kBatchSeriesMax) {
    const auto part = metrics.subspan(first, kBatchSeriesMax);
    batch.assign(part.begin(), part.end());
    PLUMBAGO_RETURN_IF_ERROR(AddBatch(tenant, batch));
  }
  return absl::OkStatus();
}

absl::Status SeriesIndex::AddBatch(absl::string_view tenant_id,
                                   absl::Span<const absl::string_view> metrics) {
  for (const absl::string_view metric : metrics) {
    PLUMBAGO_RETURN_IF_ERROR(ValidateSeries(tenant_id, metric));
  }
  Tenant& tenant = FindOrAddTenant(tenant_id);
  {
    base::MutexLock change_lock(tenant.change_mutex);
    const std::string prefix = TenantPrefix(tenant_id);
    std::vector<base::KeyValueChange> changes;
    std::vector<absl::string_view> missing;
    {
      base::ReaderLock lock(tenant.mutex);
      for (const absl::string_view metric : metrics) {
        if (!tenant.Has(metric)) missing.push_back(metric);
      }
    }
    if (missing.empty()) return absl::OkStatus();
    for (const absl::string_view metric : missing) {
      changes.push_back({absl::StrCat(prefix, metric), ""});
    }
    PLUMBAGO_RETURN_IF_ERROR(kv_.Apply(changes, KeyValueSync::kPageCache));
    for (const absl::string_view metric : missing) {
      {
        base::WriterLock lock(tenant.mutex);
        if (!tenant.Insert(metric)) continue;  // named twice in this batch
      }
      series_count_.fetch_add(1, std::memory_order_relaxed);
      Record(Event::Kind::kAdded, tenant_id, metric);
    }
  }
  Notify();
  return absl::OkStatus();
}

absl::Status SeriesIndex::Remove(absl::string_view tenant_id, absl::string_view metric) {
  Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return absl::OkStatus();
  {
    base::MutexLock change_lock(tenant->change_mutex);
    if (!Contains(tenant_id, metric)) return absl::OkStatus();
    PLUMBAGO_RETURN_IF_ERROR(kv_.Apply({{absl::StrCat(TenantPrefix(tenant_id), metric), "", true}},
                                       KeyValueSync::kPageCache));
    {
      base::WriterLock lock(tenant->mutex);
      tenant->Erase(metric);
    }
    series_count_.fetch_sub(1, std::memory_order_relaxed);
    Record(Event::Kind::kRemoved, tenant_id, metric);
  }
  Notify();
  return absl::OkStatus();
}

bool SeriesIndex::Contains(absl::string_view tenant_id, absl::string_view metric) const {
  Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return false;
  base::ReaderLock lock(tenant->mutex);
  return tenant->Has(metric);
}

absl::StatusOr<std::vector<Node>> SeriesIndex::Find(absl::string_view tenant_id,
                                                    absl::string_view pattern,
                                                    size_t max_matches) const {
  if (IsTagged(pattern)) {
    if (!Contains(tenant_id, pattern)) return std::vector<Node>();
    return std::vector<Node>{{std::string(pattern), true}};
  }
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<metric::Glob> globs, metric::CompilePath(pattern));
  if (globs.back().is_globstar()) {  // everything below
    PLUMBAGO_ASSIGN_OR_RETURN(metric::Glob any, metric::Glob::Compile("*"));
    globs.push_back(std::move(any));
  }
  Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return std::vector<Node>();
  std::vector<Node> nodes;
  bool is_complete;
  {
    base::ReaderLock lock(tenant->mutex);
    is_complete = internal::FindInTree(tenant->tree, globs, max_matches, nodes);
  }
  if (!is_complete) {
    return absl::ResourceExhaustedError(absl::StrCat("pattern \"", base::Excerpt(pattern),
                                                     "\" matches more than ", max_matches,
                                                     " nodes; make it narrower"));
  }
  std::sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) {
    return std::tie(a.path, a.is_leaf) < std::tie(b.path, b.is_leaf);
  });
  return nodes;
}

absl::Status SeriesIndex::ListSeries(absl::string_view tenant,
                                     absl::FunctionRef<bool(absl::string_view)> visit) const {
  const std::string prefix = TenantPrefix(tenant);
  return kv_.Scan(prefix, [&](absl::string_view key, absl::string_view) {
    return visit(key.substr(prefix.size()));
  });
}

std::vector<std::string> SeriesIndex::Tenants() const {
  std::vector<std::string> ids;
  base::ReaderLock lock(tenants_mutex_);
  for (const auto& [id, tenant] : tenants_) {
    base::ReaderLock tenant_lock(tenant->mutex);  // nobody takes them in the other order
    if (tenant->series_count > 0) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

uint64_t SeriesIndex::sequence() const {
  base::MutexLock lock(events_mutex_);
  return sequence_;
}

std::vector<SeriesIndex::Event> SeriesIndex::EventsAfter(uint64_t sequence, size_t max) const {
  base::MutexLock lock(events_mutex_);
  const uint64_t before_first = sequence_ - events_.size();
  if (sequence < before_first || sequence > sequence_) {
    return {{sequence_, Event::Kind::kReset, "", ""}};
  }
  const size_t skipped = sequence - before_first;
  const size_t count = std::min(max, events_.size() - skipped);
  const auto first = events_.begin() + static_cast<std::ptrdiff_t>(skipped);
  return std::vector<Event>(first, first + static_cast<std::ptrdiff_t>(count));
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

void SeriesIndex::Record(Event::Kind kind, absl::string_view tenant, absl::string_view metric) {
  base::MutexLock lock(events_mutex_);
  events_.push_back({++sequence_, kind, std::string(tenant), std::string(metric)});
  event_bytes_ += EventBytes(events_.back());
  while (events_.size() > kEventsMax || event_bytes_ > kEventBytesMax) {
    event_bytes_ -= EventBytes(events_.front());
    events_.pop_front();
  }
}

void SeriesIndex::Notify() const {
  if (listener_) listener_();
}

}  // namespace plumbago::index
