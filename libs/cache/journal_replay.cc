#include "cache/journal_replay.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "journal/point_records.h"

namespace plumbago::cache {
namespace {

class Replay {
 public:
  Replay(const ReplayOptions& options, PointCache& cache, CacheMetrics& metrics)
      : options_(options), cache_(cache), metrics_(metrics) {}
  ~Replay() { ForgetSeries(); }

  absl::Status Visit(const journal::Record& record) {
    if (options_.is_stopping()) return absl::CancelledError("the cache stops");
    if (record.segment != segment_) {
      ForgetSeries();
      segment_ = record.segment;
    }
    const absl::Status status = Apply(record);
    if (status.ok() || absl::IsCancelled(status)) return status;
    const std::string place =
        absl::StrCat("record at byte ", record.offset, " of segment ", record.segment);
    if (options_.on_damage == journal::OnDamage::kStop) return base::Annotate(status, place);
    skipped_.push_back(absl::StrCat(place, ": ", std::string(status.message())));
    return absl::OkStatus();
  }

  std::vector<std::string> TakeSkipped() { return std::move(skipped_); }

 private:
  struct Entry {
    SeriesReference reference;
    enum class State { kUndefined, kKnown, kDeleted } state = State::kUndefined;
    std::string deleted_tenant = "";
  };

  absl::Status Apply(const journal::Record& record) {
    switch (record.type) {
      case journal::kSeriesRecord:
        return DefineSeries(record.payload);
      case journal::kPointsRecord:
        columns_.received_unix_ms = 0;
        return AppendPoints(record.payload);
      case journal::kArrivedPointsRecord: {
        absl::string_view payload = record.payload;
        PLUMBAGO_RETURN_IF_ERROR(journal::ParseArrival(&payload, &columns_));
        return AppendPoints(payload);
      }
      default:
        return absl::DataLossError(absl::StrCat("unknown type ", record.type));
    }
  }

  absl::Status DefineSeries(absl::string_view payload) {
    PLUMBAGO_RETURN_IF_ERROR(journal::ParseSeries(payload, &series_));
    for (const journal::NumberedSeries& one : series_) {
      // Numbers are dense: the bytes of the record bound how far this one can be ahead.
      if (one.number > dictionary_.size() + payload.size()) {
        return absl::DataLossError(
            absl::StrCat("series number ", one.number, " after ", dictionary_.size(), " series"));
      }
      if (one.number >= dictionary_.size()) dictionary_.resize(one.number + 1);
      Entry& entry = dictionary_[one.number];
      if (entry.state == Entry::State::kKnown) cache_.Release({&entry.reference, 1});
      entry = {};
      if (options_.is_deleted(one.tenant)) {
        entry.state = Entry::State::kDeleted;
        entry.deleted_tenant = std::string(one.tenant);
      } else {
        entry.state = Entry::State::kKnown;
        entry.reference = cache_.Acquire(one.tenant, one.metric, PointCache::Bound::kIgnored);
      }
    }
    return absl::OkStatus();
  }

  absl::Status AppendPoints(absl::string_view payload) {
    PLUMBAGO_RETURN_IF_ERROR(journal::ParsePoints(payload, &columns_));
    references_.clear();
    size_t kept = 0;
    for (size_t i = 0; i < columns_.numbers.size(); ++i) {
      const uint32_t number = columns_.numbers[i];
      if (number >= dictionary_.size() || dictionary_[number].state == Entry::State::kUndefined) {
        return absl::DataLossError(absl::StrCat("series number ", number, " has no name"));
      }
      const Entry& entry = dictionary_[number];
      if (entry.state == Entry::State::kDeleted) {
        metrics_.dropped(entry.deleted_tenant, "tenant_deleted").Increment();
        continue;
      }
      references_.push_back(entry.reference);
      columns_.time_seconds[kept] = columns_.time_seconds[i];
      columns_.values[kept++] = columns_.values[i];
    }
    columns_.time_seconds.resize(kept);
    columns_.values.resize(kept);
    PLUMBAGO_RETURN_IF_ERROR(WaitForRoom());
    cache_.Append(references_, columns_.time_seconds, columns_.values,
                  {.journal_segment = static_cast<uint32_t>(segment_),
                   .received_unix_ms = columns_.received_unix_ms});
    metrics_.points_replayed.Increment(static_cast<double>(columns_.numbers.size()));
    point_count_ += kept;
    options_.on_progress(point_count_);
    return absl::OkStatus();
  }

  // A little at a time: a store that is away must not keep the process from stopping.
  absl::Status WaitForRoom() {
    for (;;) {
      const MemoryBudget::Room room = cache_.WaitForRoom(absl::Milliseconds(100));
      if (room == MemoryBudget::Room::kYes) return absl::OkStatus();
      if (room == MemoryBudget::Room::kStopped || options_.is_stopping()) {
        return absl::CancelledError("the cache stops");
      }
    }
  }

  void ForgetSeries() {
    references_.clear();
    for (const Entry& entry : dictionary_) {
      if (entry.state == Entry::State::kKnown) references_.push_back(entry.reference);
    }
    cache_.Release(references_);
    dictionary_.clear();
  }

  const ReplayOptions& options_;
  PointCache& cache_;
  CacheMetrics& metrics_;
  uint64_t segment_ = 0;
  std::vector<Entry> dictionary_;  // by number
  uint64_t point_count_ = 0;
  std::vector<std::string> skipped_;

  // Scratch.
  std::vector<journal::NumberedSeries> series_;
  journal::PointColumns columns_;
  std::vector<SeriesReference> references_;
};

}  // namespace

absl::StatusOr<journal::ReadResult> ReplayJournal(base::FileSystem& file_system,
                                                  const ReplayOptions& options, PointCache& cache,
                                                  CacheMetrics& metrics) {
  Replay replay(options, cache, metrics);
  PLUMBAGO_ASSIGN_OR_RETURN(
      journal::ReadResult result,
      journal::ReadJournal(file_system, options.directory, options.on_damage,
                           [&](const journal::Record& record) { return replay.Visit(record); }));
  for (std::string& skipped : replay.TakeSkipped()) result.skipped.push_back(std::move(skipped));
  return result;
}

}  // namespace plumbago::cache
