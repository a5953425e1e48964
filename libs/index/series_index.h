// The series of a store, by tenant: durable in a base::KeyValue (docs/formats/index.md), in memory
// a tree of nodes per tenant for find and usage, postings of tags, and a bounded list of the last
// changes for watchers.
//
// Thread-safe. Readers of a tenant run side by side; a change waits for them, and they for it, for
// milliseconds at most. A change is durable (as far as the process may crash) and visible when its
// call returns. Series are dotted names, or tagged ones (with `;`), which are kept apart.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/key_value.h"
#include "base/shared_mutex.h"
#include "index/event.h"
#include "index/node.h"
#include "index/series_info.h"

namespace plumbago::index {

namespace internal {
class EventLog;
struct Tenant;
}  // namespace internal

inline constexpr size_t kMetricBytesMax = 4096;

class SeriesIndex {
 public:
  // Reads everything from `kv`, which must outlive the index and be used by nothing else. DataLoss
  // where a record is malformed, FailedPrecondition where a newer release wrote it.
  static absl::StatusOr<std::unique_ptr<SeriesIndex>> Open(base::KeyValue& kv);
  ~SeriesIndex();

  // A series that is there already is left as it is, which is not an error. InvalidArgument: empty
  // tenant or metric, an empty node, a zero byte, more than kMetricBytesMax; else what the KeyValue
  // says. The Many add, update or remove all or, after an error, the first so many; of entries with
  // the same name the first counts.
  absl::Status Add(absl::string_view tenant, absl::string_view metric, const SeriesInfo& info = {});
  absl::Status AddMany(absl::string_view tenant, absl::Span<const SeriesEntry> entries);
  // What is known of series that exist; the others are passed over. Visible at once. Durable only
  // where the size changed, the time became known, went back or passed a full hour (shifted for
  // each series, so that not all do at once): a scan of a million live files writes no million
  // records.
  absl::Status UpdateMany(absl::string_view tenant, absl::Span<const SeriesEntry> entries);
  // A series that is not there is not an error.
  absl::Status Remove(absl::string_view tenant, absl::string_view metric);
  absl::Status RemoveMany(absl::string_view tenant, absl::Span<const std::string> metrics);

  bool Contains(absl::string_view tenant, absl::string_view metric) const;
  std::optional<SeriesInfo> Get(absl::string_view tenant, absl::string_view metric) const;

  // Of the series `prefix` and all below it (`web.a` is not above `web.abc`); with an empty prefix,
  // of the whole tenant, with "_tagged" of its tagged series. Takes time by the depth only.
  Usage UsageOf(absl::string_view tenant, absl::string_view prefix) const;

  // Nodes that match `pattern` (metric/glob.h), ordered by path; a path that is both a branch and a
  // series is listed twice, the branch first. `**` as a node stands for any number of nodes. A
  // pattern with `;` is one exact tagged series. Unknown tenants have no nodes. InvalidArgument for
  // a malformed pattern, ResourceExhausted for more than `max_matches` nodes.
  absl::StatusOr<std::vector<Node>> Find(absl::string_view tenant, absl::string_view pattern,
                                         size_t max_matches) const;

  // Tagged series that match all `expressions` (tag=value, tag!=value, tag=~regex, tag!=~regex, as
  // graphite-web: a missing tag is empty, regexes match from the start), in byte order.
  // InvalidArgument for a malformed expression, or where none needs a value that is not empty;
  // ResourceExhausted for more than `max_matches` series.
  absl::StatusOr<std::vector<std::string>> FindTagged(absl::string_view tenant,
                                                      absl::Span<const std::string> expressions,
                                                      size_t max_matches) const;
  // For completion: the first `count_max` tags, and values of a tag, in byte order that begin with
  // `prefix`, among all tagged series or those that match `expressions`. Tags that these name are
  // left out. Errors as of FindTagged; that a series has `tag` counts as an expression.
  absl::StatusOr<std::vector<TagCount>> TagNames(absl::string_view tenant, absl::string_view prefix,
                                                 absl::Span<const std::string> expressions,
                                                 size_t count_max) const;
  absl::StatusOr<std::vector<TagCount>> TagValues(absl::string_view tenant, absl::string_view tag,
                                                  absl::string_view prefix,
                                                  absl::Span<const std::string> expressions,
                                                  size_t count_max) const;

  // Usage of every node that `pattern` matches, and of those up to `depth` nodes below them,
  // ordered by path, each once. An empty pattern is the whole tenant, whose path is empty too.
  // Tagged series are together in "_tagged", on the level of first nodes. Errors as of Find.
  absl::StatusOr<std::vector<BranchUsage>> DiskUsage(absl::string_view tenant,
                                                     absl::string_view pattern, size_t depth,
                                                     size_t max_branches) const;

  // The lists below read the KeyValue and take no lock for longer than a look-up: `visit` may be
  // slow and may call back. They end when it returns false. Errors are those of the KeyValue and
  // DataLoss, for a malformed record.

  // Every series of the tenant, tagged ones too, in byte order.
  absl::Status ListSeries(absl::string_view tenant,
                          absl::FunctionRef<bool(absl::string_view)> visit) const;
  // Those that `pattern` matches as in Find (a trailing `**` takes everything below), in byte order
  // and in any number; with an empty one, all. Also InvalidArgument, for the pattern.
  using SeriesVisitor = absl::FunctionRef<bool(absl::string_view metric, const SeriesInfo& info)>;
  absl::Status ListMatching(absl::string_view tenant, absl::string_view pattern,
                            SeriesVisitor visit) const;
  // As ListMatching, those updated before then. Where the time is not known, a series is not stale.
  absl::Status ListStale(absl::string_view tenant, absl::string_view pattern,
                         int64_t before_unix_seconds, SeriesVisitor visit) const;
  // The series of a slot (metric/slot.h), in byte order of tenant, zero byte, metric. Looks at
  // every name of the index: some 0.2 s for a million.
  absl::Status ListSlot(
      uint32_t slot,
      absl::FunctionRef<bool(absl::string_view tenant, absl::string_view metric)> visit) const;

  // Those with series, ordered.
  std::vector<std::string> Tenants() const;
  size_t series_count() const { return series_count_.load(std::memory_order_relaxed); }

  // Counts series that were removed: who has seen a series here need not look again until it
  // changes.
  uint64_t removal_count() const { return removal_count_.load(std::memory_order_acquire); }

  using Event = index::Event;
  // The sequence of the last change. Grows with each, also over restarts.
  uint64_t sequence() const;
  // Up to `max` changes after `sequence`, in order. Where they are not kept any more (or are of
  // another life of this index): one kReset with the present sequence; list everything, then go on
  // from there.
  std::vector<Event> EventsAfter(uint64_t sequence, size_t max) const;
  // `listener` is called after each change (once for an AddMany), outside locks. Set it before the
  // first change; it must outlive the last.
  void SetListener(std::function<void()> listener) { listener_ = std::move(listener); }

 private:
  using Tenant = internal::Tenant;

  explicit SeriesIndex(base::KeyValue& kv);
  absl::Status Load();
  absl::StatusOr<uint64_t> StartLife();
  Tenant* FindTenant(absl::string_view id) const;
  Tenant& FindOrAddTenant(absl::string_view id);
  absl::Status AddBatch(absl::string_view tenant_id, absl::Span<const SeriesEntry> entries);
  absl::Status UpdateBatch(absl::string_view tenant_id, absl::Span<const SeriesEntry> entries);
  absl::Status RemoveBatch(absl::string_view tenant_id, absl::Span<const std::string> metrics);
  // `visit` gets what is written of each.
  absl::Status ScanMatching(absl::string_view tenant, absl::string_view pattern,
                            SeriesVisitor visit) const;
  void Notify() const;

  base::KeyValue& kv_;
  std::function<void()> listener_;       // const after SetListener
  std::atomic<size_t> series_count_{0};  // statistics only: no order with anything else
  // Counted after the removal: who sees the old count may have seen the series before it only.
  std::atomic<uint64_t> removal_count_{0};
  const std::unique_ptr<internal::EventLog> events_;

  mutable base::SharedMutex tenants_mutex_;
  // Never removed from, so that a Tenant may be used without the lock.
  absl::flat_hash_map<std::string, std::unique_ptr<Tenant>> tenants_
      ABSL_GUARDED_BY(tenants_mutex_);
};

}  // namespace plumbago::index
