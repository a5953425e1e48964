#include "store/write_session.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace plumbago::store {

absl::string_view RefusalWord(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kInvalidName:
      return "invalid_name";
    case RefusalReason::kCorruptFile:
      return "corrupt_file";
    case RefusalReason::kOutOfRetention:
      return "out_of_retention";
    case RefusalReason::kWriteFailed:
      return "write_failed";
    case RefusalReason::kReadOnly:
      return "read_only";
    case RefusalReason::kQuota:
      return "quota";
  }
  PLUMBAGO_CHECK(false);
}

absl::Status WriteSession::Define(uint32_t series_id, absl::string_view tenant,
                                  absl::string_view metric) {
  if (series_id >= kSeriesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("series id ", series_id, " is not below ", kSeriesMax));
  }
  if (series_id >= series_.size()) series_.resize(series_id + 1);
  if (series_[series_id] != nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("series id ", series_id, " is defined twice"));
  }
  series_[series_id] = std::make_unique<SessionSeries>(tenant, metric);
  return absl::OkStatus();
}

SessionSeries* WriteSession::FindSeries(uint32_t series_id) const {
  return series_id < series_.size() ? series_[series_id].get() : nullptr;
}

absl::Status WriteSession::Accept(std::shared_ptr<WriteBatch> batch) {
  base::MutexLock lock(mutex_);
  if (batch->sequence != accepted_sequence_ + 1) {
    return absl::InvalidArgumentError(absl::StrCat("request has sequence ", batch->sequence,
                                                   "; the one after ", accepted_sequence_,
                                                   " is expected"));
  }
  accepted_sequence_ = batch->sequence;
  in_flight_bytes_ += batch->byte_count();
  in_flight_.push_back({.batch = std::move(batch), .is_complete = false});
  return absl::OkStatus();
}

void WriteSession::AddRefused(const WriteBatch& batch, RefusedSeries refused) {
  base::MutexLock lock(mutex_);
  FindInFlight(batch).refused.push_back(std::move(refused));
}

WriteSession::InFlight& WriteSession::FindInFlight(const WriteBatch& batch) {
  return in_flight_[batch.sequence - in_flight_.front().batch->sequence];
}

void WriteSession::Complete(const WriteBatch& batch) {
  std::vector<InFlight> done;  // freed after the lock is released
  {
    base::MutexLock lock(mutex_);
    FindInFlight(batch).is_complete = true;
    while (!in_flight_.empty() && in_flight_.front().is_complete) {
      progress_.applied_sequence = in_flight_.front().batch->sequence;
      in_flight_bytes_ -= in_flight_.front().batch->byte_count();
      std::move(in_flight_.front().refused.begin(), in_flight_.front().refused.end(),
                std::back_inserter(progress_.refused));
      done.push_back(std::move(in_flight_.front()));
      in_flight_.pop_front();
    }
    has_progress_ = has_progress_ || !done.empty();
  }
  if (!done.empty() && listener_) listener_();
}

uint64_t WriteSession::applied_sequence() const {
  base::MutexLock lock(mutex_);
  return progress_.applied_sequence;
}

void WriteSession::MarkDurable(uint64_t sequence) {
  {
    base::MutexLock lock(mutex_);
    if (sequence <= progress_.durable_sequence) return;
    PLUMBAGO_CHECK(sequence <= progress_.applied_sequence);
    progress_.durable_sequence = sequence;
    has_progress_ = true;
  }
  if (listener_) listener_();
}

bool WriteSession::TakeProgress(Progress* progress) {
  base::MutexLock lock(mutex_);
  if (!has_progress_) return false;
  has_progress_ = false;
  progress->applied_sequence = progress_.applied_sequence;
  progress->durable_sequence = progress_.durable_sequence;
  progress->refused = std::exchange(progress_.refused, {});
  return true;
}

bool WriteSession::is_full() const {
  base::MutexLock lock(mutex_);
  return in_flight_bytes_ >= bytes_max_;
}

bool WriteSession::is_idle() const {
  base::MutexLock lock(mutex_);
  return in_flight_.empty();
}

}  // namespace plumbago::store
