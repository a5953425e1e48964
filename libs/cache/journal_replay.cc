#include "cache/journal_replay.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cache/replay_worker.h"
#include "journal/point_records.h"

namespace plumbago::cache {
namespace {

constexpr size_t kPointsPerPieceMin = 256;
constexpr size_t kPointsPerPieceMax = 16384;
constexpr uint64_t kPointsPerReport = 16384;
// How soon a reader that waits for the workers sees that the process has to stop.
constexpr absl::Duration kLook = absl::Milliseconds(50);

size_t WorkerCount(const ReplayOptions& options) {
  const size_t wanted =
      options.worker_count > 0 ? options.worker_count : std::thread::hardware_concurrency();
  return std::clamp<size_t>(wanted, 1, ReplayOptions::kWorkersMax);
}

// What lies in the pieces is at most a sixteenth of the memory.
size_t PointsPerPiece(const MemoryBudget& memory, size_t worker_count) {
  return std::clamp(memory.bytes_max() / 16 / worker_count / ReplayWorker::kBytesPerPoint,
                    kPointsPerPieceMin, kPointsPerPieceMax);
}

// Reads and checks; what has to be done in the memory is divided among the workers by partition.
class Replay {
 public:
  Replay(const ReplayOptions& options, PointCache& cache, CacheMetrics& metrics)
      : options_(options), cache_(cache), metrics_(metrics), lanes_(WorkerCount(options)) {
    const size_t points_per_piece = PointsPerPiece(cache.memory(), lanes_.size());
    for (Lane& lane : lanes_) {
      lane.worker = std::make_unique<ReplayWorker>(cache, metrics, points_per_piece);
    }
  }

  absl::Status Visit(const journal::Record& record) {
    if (options_.is_stopping()) return Stopped();
    if (record.segment != segment_) BeginSegment(record.segment);
    const absl::Status status = Apply(record);
    Report();
    if (status.ok() || absl::IsCancelled(status)) return status;
    const std::string place =
        absl::StrCat("record at byte ", record.offset, " of segment ", record.segment);
    if (options_.on_damage == journal::OnDamage::kStop) return base::Annotate(status, place);
    skipped_.push_back(absl::StrCat(place, ": ", std::string(status.message())));
    return absl::OkStatus();
  }

  // Until everything is in memory.
  absl::Status Finish() {
    for (Lane& lane : lanes_) Send(lane);
    for (Lane& lane : lanes_) {
      while (!lane.worker->WaitUntilDone(kLook)) {
        if (options_.is_stopping()) return Stopped();
      }
      if (lane.worker->is_cache_stopped()) return Stopped();
    }
    if (const uint64_t count = point_count(); count > 0) options_.on_progress(count);
    return absl::OkStatus();
  }

  std::vector<std::string> TakeSkipped() { return std::move(skipped_); }

 private:
  // A worker and what is made ready for it.
  struct Lane {
    std::unique_ptr<ReplayWorker> worker;
    std::unique_ptr<ReplayPiece> piece;  // null until there is something to fill in
    uint32_t series_count = 0;           // of the segment
    bool has_begun_segment = false;
  };

  // Where the points of a series go: its number at the worker, and which worker that is.
  static constexpr uint32_t kWorkerBits = 3;
  static_assert(ReplayOptions::kWorkersMax <= size_t{1} << kWorkerBits);
  static constexpr uint32_t kWorkerSeriesMax = 1u << 28;
  static constexpr uint32_t kUndefined = UINT32_MAX;
  static constexpr uint32_t kDeleted = UINT32_MAX - 1;  // the tenant is in deleted_

  static absl::Status Stopped() { return absl::CancelledError("the cache stops"); }

  void BeginSegment(uint64_t segment) {
    segment_ = segment;
    routes_.clear();
    deleted_.clear();
    for (Lane& lane : lanes_) {
      Send(lane);
      lane.series_count = 0;
      lane.has_begun_segment = false;
    }
  }

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
      if (one.number > routes_.size() + payload.size()) {
        return absl::DataLossError(
            absl::StrCat("series number ", one.number, " after ", routes_.size(), " series"));
      }
      if (one.number >= routes_.size()) routes_.resize(one.number + 1, kUndefined);
      if (options_.is_deleted(one.tenant)) {
        routes_[one.number] = kDeleted;
        deleted_[one.number] = std::string(one.tenant);
        continue;
      }
      const uint32_t partition = cache_.PartitionOf(one.tenant, one.metric);
      const size_t worker = partition * lanes_.size() / PointCache::kPartitions;
      Lane& lane = lanes_[worker];
      if (lane.series_count == kWorkerSeriesMax) {
        return absl::DataLossError(absl::StrCat("more than ", kWorkerSeriesMax, " series"));
      }
      if (!HasRoom(lane)) PLUMBAGO_RETURN_IF_ERROR(Advance(lane));
      journal::AppendSeries(lane.series_count, one.tenant, one.metric, lane.piece->series);
      routes_[one.number] = lane.series_count++ << kWorkerBits | static_cast<uint32_t>(worker);
    }
    return absl::OkStatus();
  }

  // All or nothing, unless the process has to stop.
  absl::Status AppendPoints(absl::string_view payload) {
    PLUMBAGO_RETURN_IF_ERROR(journal::ParsePoints(payload, &columns_));
    for (const uint32_t number : columns_.numbers) {
      if (number >= routes_.size() || routes_[number] == kUndefined) {
        return absl::DataLossError(absl::StrCat("series number ", number, " has no name"));
      }
    }
    for (size_t i = 0; i < columns_.numbers.size(); ++i) {
      const uint32_t route = routes_[columns_.numbers[i]];
      if (route == kDeleted) {
        metrics_.dropped(deleted_[columns_.numbers[i]], "tenant_deleted").Increment();
        metrics_.points_replayed.Increment();
        continue;
      }
      Lane& lane = lanes_[route & ((1u << kWorkerBits) - 1)];
      if (!HasRoom(lane)) PLUMBAGO_RETURN_IF_ERROR(Advance(lane));
      lane.piece->numbers.push_back(route >> kWorkerBits);
      lane.piece->time_seconds.push_back(columns_.time_seconds[i]);
      lane.piece->values.push_back(columns_.values[i]);
    }
    for (Lane& lane : lanes_) {
      if (lane.piece != nullptr) lane.piece->EndRun(columns_.received_unix_ms);
    }
    return absl::OkStatus();
  }

  static bool HasRoom(const Lane& lane) { return lane.piece != nullptr && !lane.piece->is_full(); }

  // Sends what the lane has, and waits for an empty piece. Points without a run are of the record
  // that is being read.
  absl::Status Advance(Lane& lane) {
    if (lane.piece != nullptr) lane.piece->EndRun(columns_.received_unix_ms);
    Send(lane);
    while ((lane.piece = lane.worker->TakeEmpty(kLook)) == nullptr) {
      if (options_.is_stopping()) return Stopped();
    }
    if (lane.worker->is_cache_stopped()) return Stopped();
    lane.piece->segment = static_cast<uint32_t>(segment_);
    lane.piece->is_first_of_segment = !std::exchange(lane.has_begun_segment, true);
    return absl::OkStatus();
  }

  static void Send(Lane& lane) {
    if (lane.piece != nullptr) lane.worker->Put(std::move(lane.piece));
  }

  uint64_t point_count() const {
    uint64_t count = 0;
    for (const Lane& lane : lanes_) count += lane.worker->point_count();
    return count;
  }

  void Report() {
    const uint64_t count = point_count();
    if (has_reported_ && count < reported_count_ + kPointsPerReport) return;
    has_reported_ = true;
    reported_count_ = count;
    options_.on_progress(count);
  }

  const ReplayOptions& options_;
  PointCache& cache_;
  CacheMetrics& metrics_;
  std::vector<Lane> lanes_;
  uint64_t segment_ = 0;
  std::vector<uint32_t> routes_;  // by number
  absl::flat_hash_map<uint32_t, std::string> deleted_;
  bool has_reported_ = false;
  uint64_t reported_count_ = 0;
  std::vector<std::string> skipped_;

  // Scratch.
  std::vector<journal::NumberedSeries> series_;
  journal::PointColumns columns_;
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
  PLUMBAGO_RETURN_IF_ERROR(replay.Finish());
  for (std::string& skipped : replay.TakeSkipped()) result.skipped.push_back(std::move(skipped));
  return result;
}

}  // namespace plumbago::cache
