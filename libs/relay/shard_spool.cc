#include "relay/internal/shard_spool.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"

namespace plumbago::relay {
namespace {

constexpr absl::Duration kRetryInterval = absl::Seconds(1);

}  // namespace

void SpoolShared::Wake() {
  {
    base::MutexLock lock(wake_mutex);
    is_woken = true;
  }
  wake_changed.NotifyAll();
}

ShardSpool::ShardSpool(std::string shard_id, const SpoolFilesOptions& files,
                       const ReplayOptions& replay, SpoolShared& shared,
                       base::FileSystem& file_system, base::Clock& clock, base::Metrics& registry,
                       base::Counter& points_damaged)
    : shard_id_(std::move(shard_id)),
      files_options_(files),
      replay_options_(replay),
      shared_(shared),
      file_system_(file_system),
      clock_(clock),
      metrics_(registry, shard_id_),
      points_damaged_(points_damaged) {}

void ShardSpool::ReportDown(absl::string_view why) {
  {
    base::MutexLock lock(mutex_);
    if (is_down_.load()) return;
    why_down_ = std::string(why);
    is_down_.store(true);
  }
  shared_.Wake();
}

void ShardSpool::AddSlowLanes(int by) {
  if (by > 0) {
    base::MutexLock lock(mutex_);
    why_down_ = "it takes less than arrives";
  }
  slow_lane_count_.fetch_add(by);
  shared_.Wake();
}

bool ShardSpool::HasRoom(size_t bytes) const {
  return !is_refusing_.load() && !shared_.is_disk_low.load() &&
         shared_.queued_bytes.load() + bytes <= shared_.queue_bytes_max &&
         disk_bytes_.load() + queued_bytes_.load() + bytes <= files_options_.bytes_max;
}

bool ShardSpool::Append(std::unique_ptr<Batch>& batch, Bounds bounds) {
  const size_t bytes = batch->memory_bytes();
  if (bounds == Bounds::kKeep && !HasRoom(bytes)) return false;
  queued_bytes_.fetch_add(bytes);
  shared_.queued_bytes.fetch_add(bytes);
  shared_.points_held.Add(static_cast<double>(batch->point_count()));
  {
    base::MutexLock lock(mutex_);
    queue_.push_back(std::move(batch));
  }
  shared_.Wake();
  return true;
}

SpoolFiles* ShardSpool::files() {
  if (files_ == nullptr) {
    auto files = SpoolFiles::Open(file_system_, files_options_);
    if (!files.ok()) {
      Refuse(files.status());
      return nullptr;
    }
    files_ = *std::move(files);
    if (files_->segment_count() > 0) {
      base::LogInfo(absl::StrCat("the spool of shard ", shard_id_, " has ", files_->bytes(),
                                 " bytes in ", files_->segment_count(),
                                 " files of an earlier process; they are replayed"));
    }
  }
  return files_.get();
}

void ShardSpool::Write(Retry retry) {
  {
    base::MutexLock lock(mutex_);
    for (auto& batch : queue_) pending_.push_back(std::move(batch));
    queue_.clear();
  }
  if (pending_.empty()) return;
  const bool has_shrunk = files_ != nullptr && files_->bytes() < bytes_when_refused_;
  if (is_refusing_.load() && retry == Retry::kLater && !has_shrunk &&
      clock_.Monotonic() < retry_at_) {
    return;
  }
  if (files() == nullptr) return;
  while (!pending_.empty()) {
    const Batch& batch = *pending_.front();
    if (const absl::Status status = files_->Append(batch); !status.ok()) return Refuse(status);
    disk_bytes_.store(files_->bytes());
    const size_t bytes = batch.memory_bytes();
    metrics_.points_spooled.Increment(static_cast<double>(batch.point_count()));
    shared_.points_held.Add(-static_cast<double>(batch.point_count()));
    queued_bytes_.fetch_sub(bytes);
    shared_.queued_bytes.fetch_sub(bytes);
    pending_.pop_front();
  }
  if (is_refusing_.exchange(false)) {
    base::LogInfo(absl::StrCat("the spool of shard ", shard_id_, " takes points again"));
  }
}

void ShardSpool::Refuse(const absl::Status& status) {
  retry_at_ = clock_.Monotonic() + kRetryInterval;
  bytes_when_refused_ = files_ == nullptr ? 0 : files_->bytes();
  if (is_refusing_.exchange(true)) return;
  metrics_.write_failures.Increment();
  base::LogError(absl::StrCat("the spool of shard ", shard_id_,
                              " takes no more: ", std::string(status.message()),
                              "; what it was given is held in memory, and senders have to wait"));
}

void ShardSpool::SetShard(const std::optional<topology::ShardInfo>& shard,
                          const std::function<std::unique_ptr<BatchStream>()>& make_stream) {
  const bool is_same_way = shard.has_value() == shard_.has_value() &&
                           (!shard.has_value() || shard->cache_address == shard_->cache_address);
  shard_ = shard;
  make_stream_ = make_stream;
  if (!is_same_way) is_stream_wanted_ = true;
  if (replay_ != nullptr) replay_->Restart();
}

absl::StatusOr<bool> ShardSpool::Replay(SpoolRouting& routing) {
  if (!has_segments()) return false;
  if (replay_ == nullptr) {
    replay_ = std::make_unique<SpoolReplay>(absl::StrCat("shard ", shard_id_), *files_, routing,
                                            clock_, replay_options_);
    is_stream_wanted_ = true;
  }
  if (std::exchange(is_stream_wanted_, false)) {
    replay_->SetStream(shard_.has_value() ? make_stream_() : nullptr);
    acknowledged_count_ = 0;
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const bool went_on, replay_->Step(mode()));
  disk_bytes_.store(files_->bytes());
  const uint64_t acknowledged_count = replay_->acknowledged_count();
  if (std::exchange(acknowledged_count_, acknowledged_count) != acknowledged_count) ReportUp();
  if (replay_->is_stream_failing()) ReportDown("the stream of the replay failed");
  return went_on;
}

SpoolReplay::Mode ShardSpool::mode() const {
  if (!shard_.has_value()) return SpoolReplay::Mode::kRun;  // to the spools of others
  if (shard_->state != topology::ShardState::kActive) return SpoolReplay::Mode::kPaused;
  if (is_down()) return SpoolReplay::Mode::kProbe;
  return slow_lane_count_.load() > 0 ? SpoolReplay::Mode::kPaused : SpoolReplay::Mode::kRun;
}

void ShardSpool::Publish() {
  const bool is_down_or_slow = is_down() || slow_lane_count_.load() > 0;
  const SpoolState state = is_down_or_slow  ? SpoolState::kDown
                           : has_segments() ? SpoolState::kReplaying
                                            : SpoolState::kUp;
  if (std::exchange(state_, state) != state) LogState(state);
  if (files_ == nullptr) return;
  disk_bytes_.store(files_->bytes());
  metrics_.bytes.Set(static_cast<double>(files_->bytes()));
  metrics_.segments.Set(static_cast<double>(files_->segment_count()));
  const int64_t oldest_unix_ms = files_->oldest_unix_ms();
  const int64_t age_ms = absl::ToUnixMillis(clock_.Now()) - oldest_unix_ms;
  metrics_.oldest_age_seconds.Set(oldest_unix_ms == 0 ? 0 : static_cast<double>(age_ms) / 1000);
  const uint64_t damaged_count = files_->damaged_count();
  metrics_.segments_damaged.Increment(
      static_cast<double>(damaged_count - std::exchange(published_damaged_count_, damaged_count)));
  if (replay_ != nullptr) PublishReplay();
}

void ShardSpool::PublishReplay() {
  const SpoolReplay::Totals totals = replay_->totals();
  const SpoolReplay::Totals before = std::exchange(published_, totals);
  const auto publish = [](base::Counter& counter, uint64_t now, uint64_t then) {
    if (now != then) counter.Increment(static_cast<double>(now - then));
  };
  publish(metrics_.points_replayed, totals.replayed_points, before.replayed_points);
  publish(metrics_.points_rerouted, totals.rerouted_points, before.rerouted_points);
  publish(points_damaged_, totals.damaged_points, before.damaged_points);
}

void ShardSpool::LogState(SpoolState state) {
  metrics_.SetState(state);
  const uint64_t spooled_bytes = files_ == nullptr ? 0 : files_->bytes();
  switch (state) {
    case SpoolState::kDown: {
      std::string why;
      {
        base::MutexLock lock(mutex_);
        why = why_down_;
      }
      base::LogWarning(absl::StrCat("shard ", shard_id_, " is down: ", why,
                                    "; its points go to the spool until it takes them again"));
      return;
    }
    case SpoolState::kReplaying:
      base::LogInfo(absl::StrCat("shard ", shard_id_, " takes points; ", spooled_bytes,
                                 " bytes of its spool are replayed"));
      return;
    case SpoolState::kUp:
      base::LogInfo(absl::StrCat("shard ", shard_id_, " is up, and its spool is empty"));
      return;
  }
}

}  // namespace plumbago::relay
