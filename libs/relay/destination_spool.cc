#include "relay/internal/destination_spool.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"

namespace plumbago::relay {
namespace {

constexpr absl::Duration kRetryInterval = absl::Seconds(1);

// The end of a line that tells of `count` changes.
std::string Changes(uint64_t count) {
  return count <= 1 ? "" : absl::StrCat(" (", count, " changes since this was last said)");
}

}  // namespace

void SpoolShared::Wake() {
  {
    base::MutexLock lock(wake_mutex);
    is_woken = true;
  }
  wake_changed.NotifyAll();
}

DestinationSpool::DestinationSpool(SpoolDestination destination, const SpoolFilesOptions& files,
                                   const ReplayOptions& replay, SpoolShared& shared,
                                   base::FileSystem& file_system, base::Clock& clock,
                                   base::Metrics& registry, base::Counter& points_damaged)
    : destination_(std::move(destination)),
      files_options_(files),
      replay_options_(replay),
      shared_(shared),
      file_system_(file_system),
      clock_(clock),
      metrics_(SpoolMetrics::Make(registry, destination_)),
      points_damaged_(points_damaged) {
  metrics_.SetState(SpoolState::kUp);
}

void DestinationSpool::ReportDown(absl::string_view why) {
  {
    base::MutexLock lock(mutex_);
    if (is_down_.load()) return;
    why_down_ = std::string(why);
    is_down_.store(true);
  }
  shared_.Wake();
}

void DestinationSpool::AddSlowLanes(int by) {
  if (by > 0) {
    base::MutexLock lock(mutex_);
    why_down_ = "it takes less than arrives";
  }
  slow_lane_count_.fetch_add(by);
  shared_.Wake();
}

bool DestinationSpool::HasRoom(size_t bytes) const {
  return !is_refusing_.load() && !shared_.is_disk_low.load() &&
         shared_.queued_bytes.load() + bytes <= shared_.queue_bytes_max &&
         disk_bytes_.load() + queued_bytes_.load() + bytes <= files_options_.bytes_max;
}

bool DestinationSpool::Append(std::unique_ptr<Batch>& batch, Bounds bounds) {
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

SpoolFiles* DestinationSpool::files() {
  if (files_ == nullptr) {
    auto files = SpoolFiles::Open(file_system_, files_options_);
    if (!files.ok()) {
      Refuse(files.status());
      return nullptr;
    }
    files_ = *std::move(files);
    if (files_->segment_count() > 0) {
      base::LogInfo(absl::StrCat("the spool of ", destination_.Describe(), " has ", files_->bytes(),
                                 " bytes in ", files_->segment_count(),
                                 " files of an earlier process"));
    }
  }
  return files_.get();
}

void DestinationSpool::Write(Retry retry) {
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
    if (batch.delivery != nullptr) unsynced_deliveries_.push_back(batch.delivery);
    pending_.pop_front();
  }
  is_refusing_.store(false);
}

absl::Status DestinationSpool::Sync() {
  if (files_ != nullptr) PLUMBAGO_RETURN_IF_ERROR(files_->Sync());
  for (const auto& delivery : std::exchange(unsynced_deliveries_, {})) delivery->OnBatchAccepted();
  return absl::OkStatus();
}

void DestinationSpool::Refuse(const absl::Status& status) {
  retry_at_ = clock_.Monotonic() + kRetryInterval;
  bytes_when_refused_ = files_ == nullptr ? 0 : files_->bytes();
  refusal_ = std::string(status.message());
  if (!is_refusing_.exchange(true)) metrics_.write_failures.Increment();
  LogRefusal();
}

void DestinationSpool::LogRefusal() {
  const bool is_refusing = is_refusing_.load();
  const uint64_t changes = refusal_lines_.LineDue(is_refusing ? 1 : 0, clock_.Monotonic());
  if (changes == 0) return;
  if (!is_refusing) {
    return base::LogInfo(absl::StrCat("the spool of ", destination_.Describe(),
                                      " takes points again", Changes(changes)));
  }
  base::LogError(absl::StrCat(
      "the spool of ", destination_.Describe(), " takes no more: ", refusal_,
      "; what it was given is held in memory, and senders have to wait", Changes(changes)));
}

void DestinationSpool::SetWay(std::optional<SpoolWay> way) {
  const bool is_same_way =
      way.has_value() == way_.has_value() && (!way.has_value() || way->address == way_->address);
  way_ = std::move(way);
  if (!is_same_way) is_stream_wanted_ = true;
  // Where points for shards belong may have changed even so.
  const bool is_decided_anew = !is_same_way || kind() == SpoolDestination::Kind::kShard;
  if (replay_ != nullptr && is_decided_anew) replay_->Restart();
}

std::unique_ptr<BatchStream> DestinationSpool::MakeStream() {
  return way_.has_value() && way_->is_open ? way_->make_stream() : nullptr;
}

absl::StatusOr<bool> DestinationSpool::Replay(SpoolRouting& routing) {
  if (!has_segments()) return false;
  if (replay_ == nullptr) {
    replay_ = std::make_unique<SpoolReplay>(destination_.Describe(), *files_, routing, clock_,
                                            replay_options_);
    is_stream_wanted_ = true;
  }
  if (std::exchange(is_stream_wanted_, false)) {
    replay_->SetStream(way_.has_value() ? way_->make_stream() : nullptr);
    acknowledged_count_ = 0;
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const bool went_on, replay_->Step(mode()));
  disk_bytes_.store(files_->bytes());
  const uint64_t acknowledged_count = replay_->acknowledged_count();
  if (std::exchange(acknowledged_count_, acknowledged_count) != acknowledged_count) ReportUp();
  if (replay_->is_stream_failing()) ReportDown("the stream of the replay failed");
  return went_on;
}

SpoolReplay::Mode DestinationSpool::mode() const {
  if (!way_.has_value()) {
    return kind() == SpoolDestination::Kind::kShard ? SpoolReplay::Mode::kRun
                                                    : SpoolReplay::Mode::kPaused;
  }
  if (!way_->is_open) return SpoolReplay::Mode::kPaused;
  if (is_down()) return SpoolReplay::Mode::kProbe;
  return slow_lane_count_.load() > 0 ? SpoolReplay::Mode::kPaused : SpoolReplay::Mode::kRun;
}

void DestinationSpool::Publish() {
  const SpoolState now = state();
  if (std::exchange(state_, now) != now) metrics_.SetState(now);
  LogState();
  LogRefusal();
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

SpoolState DestinationSpool::state() const {
  if (kind() == SpoolDestination::Kind::kEndpoint && !way_.has_value()) {
    return SpoolState::kNotConfigured;
  }
  if (is_down() || slow_lane_count_.load() > 0) return SpoolState::kDown;
  return has_segments() ? SpoolState::kReplaying : SpoolState::kUp;
}

void DestinationSpool::PublishReplay() {
  const SpoolReplay::Totals totals = replay_->totals();
  const SpoolReplay::Totals before = std::exchange(published_, totals);
  const auto publish = [](base::Counter& counter, uint64_t now, uint64_t then) {
    if (now != then) counter.Increment(static_cast<double>(now - then));
  };
  // The stream counts what is in flight as held, but it is in the spool.
  const double held = static_cast<double>(replay_->refused_point_count()) -
                      static_cast<double>(replay_->in_flight_point_count());
  shared_.points_held.Add(held - std::exchange(replay_points_held_, held));
  publish(metrics_.points_replayed, totals.replayed_points, before.replayed_points);
  publish(metrics_.points_spooled, totals.returned_points, before.returned_points);
  publish(metrics_.points_rerouted, totals.rerouted_points, before.rerouted_points);
  publish(points_damaged_, totals.damaged_points, before.damaged_points);
}

void DestinationSpool::LogState() {
  const uint64_t changes = state_lines_.LineDue(static_cast<int>(state_), clock_.Monotonic());
  if (changes == 0) return;
  const std::string end = Changes(changes);
  const uint64_t spooled_bytes = files_ == nullptr ? 0 : files_->bytes();
  switch (state_) {
    case SpoolState::kDown: {
      std::string why;
      {
        base::MutexLock lock(mutex_);
        why = why_down_;
      }
      base::LogWarning(absl::StrCat(destination_.Describe(), " is down: ", why,
                                    "; its points go to the spool until it takes them again", end));
      return;
    }
    case SpoolState::kReplaying:
      base::LogInfo(absl::StrCat(destination_.Describe(), " takes points; ", spooled_bytes,
                                 " bytes of its spool are replayed", end));
      return;
    case SpoolState::kUp:
      base::LogInfo(absl::StrCat(destination_.Describe(), " is up, and its spool is empty", end));
      return;
    case SpoolState::kNotConfigured:
      if (spooled_bytes == 0) return;
      base::LogWarning(
          absl::StrCat(destination_.Describe(), " is not configured: ", spooled_bytes,
                       " bytes of its spool, in ", files_options_.directory,
                       ", are kept until it is again. Remove the directory to give them up", end));
      return;
  }
}

}  // namespace plumbago::relay
