#include "relay/spool_replay.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"

namespace plumbago::relay {
namespace {

// How much may be sent at once after a time without a need.
constexpr absl::Duration kBurst = absl::Milliseconds(100);
// A step of one replay must not hold up those of others, and the writing.
constexpr int kBatchesPerStep = 16;
// Series that a segment can define: more cannot fit into one of the largest size.
constexpr uint32_t kNumbersMax = NameTable::kSeriesMax;

}  // namespace

SpoolReplay::SpoolReplay(std::string name, SpoolFiles& files, SpoolRouting& routing,
                         base::Clock& clock, const ReplayOptions& options)
    : name_(std::move(name)),
      files_(files),
      routing_(routing),
      clock_(clock),
      options_(options),
      allowed_at_(clock.Monotonic()) {}

SpoolReplay::~SpoolReplay() = default;

void SpoolReplay::SetStream(std::unique_ptr<BatchStream> stream) {
  Restart();
  stream_ = std::move(stream);
  seen_acknowledged_ = 0;
}

uint64_t SpoolReplay::acknowledged_count() const {
  return stream_ == nullptr ? 0 : stream_->acknowledged_count();
}

void SpoolReplay::Restart() {
  waits_for_owners_ = false;
  size_t held_point_count = refused_point_count_;
  if (stream_ != nullptr && stream_->unacknowledged_bytes() > 0) {
    for (const auto& batch : stream_->TakeBack()) held_point_count += batch->point_count();
  }
  CollectAcknowledged();
  // All of it is in the segment still. What the cache has refused was counted as replayed.
  totals_.returned_points += held_point_count - in_flight_point_count_;
  refused_.clear();
  refused_point_count_ = 0;
  ForgetSegment();
}

void SpoolReplay::ForgetSegment() {
  reader_.reset();
  is_read_ = false;
  damage_.clear();
  own_names_.reset();
  series_.clear();
  detours_.clear();
  sent_point_counts_.clear();
  in_flight_point_count_ = 0;
}

absl::StatusOr<bool> SpoolReplay::Step(Mode mode) {
  CollectAcknowledged();
  if (!CollectRefused(mode)) return false;
  if (mode == Mode::kPaused || waits_for_owners_) return false;
  if (!WriteDetours()) return false;
  if (reader_ == nullptr) {
    PLUMBAGO_ASSIGN_OR_RETURN(const bool has_begun, Begin());
    if (!has_begun) return false;
  }
  bool went_on = false;
  for (int i = 0; i < kBatchesPerStep && !is_read_ && MaySend(mode); ++i) {
    PLUMBAGO_ASSIGN_OR_RETURN(const bool has_sent, SendNext());
    if (!has_sent) break;
    went_on = true;
  }
  if (is_read_ && WriteDetours()) {
    PLUMBAGO_ASSIGN_OR_RETURN(const bool is_finished, Finish());
    went_on = went_on || is_finished;
  }
  return went_on;
}

absl::StatusOr<bool> SpoolReplay::Begin() {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto newest, files_.CloseNewest());
  if (!newest.has_value()) return false;
  segment_ = *newest;
  auto reader = files_.OpenSegment(segment_);
  if (!reader.ok()) {
    OnOpenFailed(reader.status());
    return false;
  }
  is_open_failing_ = false;
  reader_ = *std::move(reader);
  own_names_ = std::make_shared<NameTable>();
  return true;
}

// A relay that is out of file descriptors, or may not read the file, has no damaged spool: only
// what the disk cannot give is set aside.
void SpoolReplay::OnOpenFailed(const absl::Status& status) {
  if (absl::IsUnavailable(status) || absl::IsDataLoss(status) || absl::IsNotFound(status)) {
    return SetAside(std::string(status.message()));
  }
  if (std::exchange(is_open_failing_, true)) return;
  base::LogError(absl::StrCat("the spool of ", name_,
                              " cannot be replayed for now: ", std::string(status.message())));
}

bool SpoolReplay::MaySend(Mode mode) {
  const absl::Duration now = clock_.Monotonic();
  const double rate = options_.points_per_second;
  allowance_points_ = std::min(allowance_points_ + rate * absl::ToDoubleSeconds(now - allowed_at_),
                               rate * absl::ToDoubleSeconds(kBurst));
  allowed_at_ = now;
  if (allowance_points_ <= 0 || now < retry_at_) return false;
  const size_t held_bytes = stream_ == nullptr ? 0 : stream_->unacknowledged_bytes();
  return mode == Mode::kProbe ? held_bytes == 0 : held_bytes < options_.window_bytes;
}

void SpoolReplay::CollectAcknowledged() {
  if (stream_ == nullptr) return;
  const uint64_t acknowledged = stream_->acknowledged_count();
  while (seen_acknowledged_ < acknowledged && !sent_point_counts_.empty()) {
    totals_.replayed_points += sent_point_counts_.front();
    in_flight_point_count_ -= sent_point_counts_.front();
    sent_point_counts_.pop_front();
    ++seen_acknowledged_;
  }
}

bool SpoolReplay::CollectRefused(Mode mode) {
  if (stream_ == nullptr) return true;
  for (RefusedBatch& one : stream_->TakeRefused()) {
    retry_at_ = clock_.Monotonic() + one.retry_after;
    refused_point_count_ += one.batch->point_count();
    refused_.push_back(std::move(one.batch));
  }
  for (; !refused_.empty(); refused_.pop_front()) {
    const size_t point_count = refused_.front()->point_count();
    if (files_.Append(*refused_.front()).ok()) {
      totals_.returned_points += point_count;
      has_returned_ = true;
    } else {
      // There may be no room before this segment goes, and it does not go before these points are
      // safe: so they take the other way.
      if (mode == Mode::kPaused || !MaySend(mode)) return false;
      allowance_points_ -= static_cast<double>(point_count);
      sent_point_counts_.push_back(0);  // they have been counted when they were refused
      stream_->Send(std::move(refused_.front()));
    }
    refused_point_count_ -= point_count;
  }
  return true;
}

// Reads up to and with the next batch. False where it cannot go on for now.
absl::StatusOr<bool> SpoolReplay::SendNext() {
  for (;;) {
    const auto record = reader_->Next(journal::OnDamage::kSkip);
    if (!record.ok() || !record->has_value()) {
      is_read_ = true;
      damage_ = std::string(record.status().message());
      if (!reader_->skipped().empty()) damage_ = reader_->skipped().front();
      return true;
    }
    if ((*record)->type == journal::kSeriesRecord) {
      if (!Define((*record)->payload)) {
        Restart();
        waits_for_owners_ = true;
        return false;
      }
      continue;
    }
    if ((*record)->type != kSpooledBatchRecord || (*record)->payload.size() < kArrivalBytes) {
      continue;  // of a newer release
    }
    Split((*record)->payload);
    return WriteDetours();
  }
}

bool SpoolReplay::Define(absl::string_view payload) {
  const absl::Status status = journal::ParseSeries(payload, &numbered_series_);
  if (!status.ok()) numbered_series_.clear();  // its checksum fits, so we wrote nonsense
  for (const journal::NumberedSeries& numbered : numbered_series_) {
    if (numbered.number >= kNumbersMax) continue;
    if (numbered.number >= series_.size()) series_.resize(numbered.number + 1);
    const absl::string_view tenant = routing_.StableTenant(numbered.tenant);
    SpoolOwners owners;
    if (!routing_.OwnersOf(tenant, numbered.metric, &owners)) return false;
    if (owners.is_own && stream_ == nullptr) return false;
    Series& series = series_[numbered.number];
    series = {.is_known = true, .others = {}};
    if (owners.is_own) {
      series.own_id = own_names_->Append(tenant, numbered.metric);
      continue;
    }
    for (SpoolFiles* const files : owners.others) {
      const uint32_t id = DetourTo(files).names->Append(tenant, numbered.metric);
      series.others.emplace_back(files, id);
    }
  }
  return true;
}

// Brings the points of a batch to the destination or on their detours.
void SpoolReplay::Split(absl::string_view payload) {
  int64_t unix_ms = 0;
  std::memcpy(&unix_ms, payload.data(), kArrivalBytes);
  payload.remove_prefix(kArrivalBytes);
  if (!journal::ParsePoints(payload, &columns_).ok()) return;
  std::unique_ptr<Batch> own = NewBatch(own_names_, unix_ms);
  const auto append = [this](Batch& batch, uint32_t id, size_t i) {
    batch.points.Append(id, columns_.time_seconds[i], columns_.values[i]);
  };
  own->points.Reserve(columns_.numbers.size());
  for (size_t i = 0; i < columns_.numbers.size(); ++i) {
    const uint32_t number = columns_.numbers[i];
    if (number >= series_.size() || !series_[number].is_known) {
      ++totals_.damaged_points;
      continue;
    }
    const Series& series = series_[number];
    if (series.own_id != kNotOwn) append(*own, series.own_id, i);
    for (const auto& [files, id] : series.others) {
      Detour& detour = DetourTo(files);
      if (detour.batch == nullptr) detour.batch = NewBatch(detour.names, unix_ms);
      append(*detour.batch, id, i);
    }
  }
  allowance_points_ -= static_cast<double>(columns_.numbers.size());
  if (own->point_count() == 0) return;
  sent_point_counts_.push_back(own->point_count());
  in_flight_point_count_ += own->point_count();
  stream_->Send(std::move(own));
}

std::unique_ptr<Batch> SpoolReplay::NewBatch(const std::shared_ptr<const NameTable>& names,
                                             int64_t unix_ms) {
  auto batch = std::make_unique<Batch>();
  batch->names = names;
  batch->epoch = routing_.epoch();
  batch->received_unix_ms = unix_ms;
  return batch;
}

SpoolReplay::Detour& SpoolReplay::DetourTo(SpoolFiles* files) {
  for (Detour& detour : detours_) {
    if (detour.files == files) return detour;
  }
  detours_.emplace_back();
  detours_.back().files = files;
  return detours_.back();
}

// False where another spool is full, or cannot be written, for now.
bool SpoolReplay::WriteDetours() {
  for (Detour& detour : detours_) {
    if (detour.batch == nullptr) continue;
    if (!detour.files->Append(*detour.batch).ok()) return false;
    totals_.rerouted_points += detour.batch->point_count();
    detour.batch.reset();
  }
  return true;
}

// Removes the segment once everything in it is safe elsewhere.
absl::StatusOr<bool> SpoolReplay::Finish() {
  if (stream_ != nullptr && stream_->unacknowledged_bytes() > 0) return false;
  CollectAcknowledged();
  if (std::exchange(has_returned_, false)) PLUMBAGO_RETURN_IF_ERROR(files_.Sync());
  for (Detour& detour : detours_) PLUMBAGO_RETURN_IF_ERROR(detour.files->Sync());
  const std::string damage = damage_;
  ForgetSegment();
  if (!damage.empty()) {
    SetAside(damage);
    return true;
  }
  if (const absl::Status removed = files_.Remove(segment_); !removed.ok()) {
    base::LogWarning(absl::StrCat("a replayed segment of the spool of ", name_,
                                  " cannot be removed: ", std::string(removed.message())));
  }
  return true;
}

void SpoolReplay::SetAside(const std::string& damage) {
  base::LogError(absl::StrCat("a segment of the spool of ", name_, ": ", damage,
                              "; what can be read was replayed, and the file is set aside as ",
                              files_.PathOf(segment_), ".damaged"));
  if (const absl::Status renamed = files_.SetAside(segment_); !renamed.ok()) {
    base::LogError(std::string(renamed.message()));
  }
}

}  // namespace plumbago::relay
