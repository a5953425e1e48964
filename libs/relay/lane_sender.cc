#include "relay/lane_sender.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace plumbago::relay {
namespace {

// The room that a spool must have to be counted on: for one of the largest batches.
constexpr size_t kRoomBytes = kBatchPointsMax * 2 * 16;

}  // namespace

LaneSender::LaneSender(std::unique_ptr<BatchStream> stream, BatchSpool* spool, base::Clock& clock,
                       absl::Duration stall_timeout)
    : stream_(std::move(stream)),
      spool_(spool),
      clock_(clock),
      stall_timeout_(stall_timeout),
      progress_at_(clock.Monotonic()) {}

LaneSender::~LaneSender() { EndSlow(); }

void LaneSender::Send(std::unique_ptr<Batch> batch) {
  const bool is_for_spool = is_down() || is_slow_;
  if (is_for_spool && spool_->Append(batch, BatchSpool::Bounds::kKeep)) return;
  stream_->Send(std::move(batch));
}

void LaneSender::Check() {
  CollectRefused();
  FollowProgress();
  if (spool_ == nullptr) return;
  if (!is_down() && stream_->unacknowledged_bytes() > 0) {
    if (stream_->is_failing()) {
      spool_->ReportDown("its stream failed");
    } else if (clock_.Monotonic() - progress_at_ >= stall_timeout_) {
      spool_->ReportDown(
          absl::StrCat("it accepted nothing for ", absl::FormatDuration(stall_timeout_)));
    }
  }
  was_down_ = is_down();
  if (was_down_) MoveToSpool();
  if (is_slow_ && (was_down_ || held_bytes() <= bytes_max_ / 4)) EndSlow();
}

void LaneSender::CollectRefused() {
  const absl::Duration now = clock_.Monotonic();
  for (RefusedBatch& one : stream_->TakeRefused()) {
    refused_bytes_ += one.batch->memory_bytes();
    refused_point_count_ += one.batch->point_count();
    refused_.push_back({std::move(one.batch), now + one.retry_after});
  }
  while (!refused_.empty()) {
    Refused& first = refused_.front();
    const size_t bytes = first.batch->memory_bytes();
    const size_t point_count = first.batch->point_count();
    const bool is_spooled =
        spool_ != nullptr && spool_->Append(first.batch, BatchSpool::Bounds::kKeep);
    if (!is_spooled && now < first.retry_at) return;
    if (!is_spooled) stream_->Send(std::move(first.batch));
    refused_bytes_ -= bytes;
    refused_point_count_ -= point_count;
    refused_.pop_front();
  }
}

std::vector<std::unique_ptr<Batch>> LaneSender::TakeBack() {
  std::vector<std::unique_ptr<Batch>> batches;
  for (Refused& one : refused_) batches.push_back(std::move(one.batch));
  refused_.clear();
  refused_bytes_ = 0;
  refused_point_count_ = 0;
  for (auto& batch : stream_->TakeBack()) batches.push_back(std::move(batch));
  return batches;
}

void LaneSender::FollowProgress() {
  const uint64_t acknowledged_count = stream_->acknowledged_count();
  const bool was_accepted = acknowledged_count != acknowledged_count_;
  acknowledged_count_ = acknowledged_count;
  if (was_accepted || stream_->unacknowledged_bytes() == 0) progress_at_ = clock_.Monotonic();
  // Only what was sent after the spool had refused it can have come this way.
  if (was_accepted && was_down_ && is_down()) spool_->ReportUp();
}

void LaneSender::MoveToSpool() {
  if (held_bytes() == 0 || !spool_->HasRoom(kRoomBytes)) return;
  for (auto& batch : TakeBack()) {
    if (!spool_->Append(batch, BatchSpool::Bounds::kKeep)) stream_->Send(std::move(batch));
  }
  acknowledged_count_ = stream_->acknowledged_count();
}

void LaneSender::SpoolEverything() {
  if (spool_ == nullptr) return;
  for (auto& batch : TakeBack()) spool_->Append(batch, BatchSpool::Bounds::kIgnore);
}

LaneSender::Room LaneSender::room() const {
  if (held_bytes() < bytes_max_) return Room::kYes;
  if (spool_ == nullptr) return Room::kFull;
  if (!spool_->HasRoom(kRoomBytes)) return Room::kNone;
  return is_down() || is_slow_ ? Room::kYes : Room::kFull;
}

bool LaneSender::keeps_up() const {
  return !is_down() && !is_slow_ && held_bytes() <= bytes_max_ / 4;
}

// A broken stream that holds nothing is to be tried again.
bool LaneSender::is_up() const {
  return !is_down() && (held_bytes() == 0 || !stream_->is_failing());
}

bool LaneSender::BeginSlow() {
  if (spool_ == nullptr) return false;
  if (!std::exchange(is_slow_, true)) spool_->AddSlowLanes(+1);
  return true;
}

void LaneSender::EndSlow() {
  if (std::exchange(is_slow_, false)) spool_->AddSlowLanes(-1);
}

}  // namespace plumbago::relay
