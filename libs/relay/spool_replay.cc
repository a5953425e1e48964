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
      own_{.files = &files},
      allowed_at_(clock.Monotonic()) {}

SpoolReplay::~SpoolReplay() = default;

void SpoolReplay::SetStream(std::unique_ptr<BatchStream> stream) {
  Restart();
  own_.stream = std::move(stream);
  own_.seen_acknowledged = 0;
}

uint64_t SpoolReplay::acknowledged_count() const {
  return own_.stream == nullptr ? 0 : own_.stream->acknowledged_count();
}

void SpoolReplay::Restart() {
  waits_for_owners_ = false;
  size_t held_point_count = refused_point_count_;
  for (Target* const target : Targets()) {
    if (target->stream == nullptr || target->stream->unacknowledged_bytes() == 0) continue;
    for (const auto& batch : target->stream->TakeBack()) held_point_count += batch->point_count();
  }
  CollectAcknowledged();
  // All of it is in the segment still. What a cache has refused was counted as replayed.
  totals_.returned_points += held_point_count - in_flight_point_count_;
  refused_.clear();
  refused_point_count_ = 0;
  ForgetSegment();
  others_.clear();
}

void SpoolReplay::ForgetSegment() {
  reader_.reset();
  is_read_ = false;
  damage_.clear();
  series_.clear();
  for (Target* const target : Targets()) {
    target->names.reset();
    target->batch.reset();
    target->sent_point_counts.clear();
  }
  in_flight_point_count_ = 0;
}

absl::StatusOr<bool> SpoolReplay::Step(Mode mode) {
  CollectAcknowledged();
  TakeRefused();
  if (!ReturnRefused(mode)) return false;
  if (mode == Mode::kPaused || waits_for_owners_) return false;
  if (!GiveToOthers()) return false;
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
  if (is_read_ && GiveToOthers()) {
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
  for (Target* const target : Targets()) target->names = std::make_shared<NameTable>();
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
  const size_t held_bytes = unacknowledged_bytes();
  return mode == Mode::kProbe ? held_bytes == 0 : held_bytes < options_.window_bytes;
}

void SpoolReplay::CollectAcknowledged() {
  for (Target* const target : Targets()) {
    if (target->stream == nullptr) continue;
    const uint64_t acknowledged = target->stream->acknowledged_count();
    auto& counts = target->sent_point_counts;
    for (; target->seen_acknowledged < acknowledged && !counts.empty(); counts.pop_front()) {
      totals_.replayed_points += counts.front();
      in_flight_point_count_ -= counts.front();
      ++target->seen_acknowledged;
    }
  }
}

void SpoolReplay::TakeRefused() {
  for (Target* const target : Targets()) {
    if (target->stream == nullptr) continue;
    for (RefusedBatch& one : target->stream->TakeRefused()) {
      retry_at_ = clock_.Monotonic() + one.retry_after;
      refused_point_count_ += one.batch->point_count();
      refused_.push_back({std::move(one.batch), target});
    }
  }
}

bool SpoolReplay::ReturnRefused(Mode mode) {
  for (; !refused_.empty(); refused_.pop_front()) {
    Refused& first = refused_.front();
    const size_t point_count = first.batch->point_count();
    if (first.target->files->Append(*first.batch).ok()) {
      totals_.returned_points += point_count;
      has_returned_ = true;
    } else {
      // There may be no room before this segment goes, and it does not go before these points are
      // safe: so they take the other way.
      if (mode == Mode::kPaused || !MaySend(mode)) return false;
      allowance_points_ -= static_cast<double>(point_count);
      Send(*first.target, std::move(first.batch), 0);  // counted when they were refused
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
    return GiveToOthers();
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
    if (owners.is_own && own_.stream == nullptr) return false;
    Series& series = series_[numbered.number];
    series = {.is_known = true, .others = {}};
    if (owners.is_own) {
      series.own_id = own_.names->Append(tenant, numbered.metric);
      continue;
    }
    for (SpoolFiles* const files : owners.others) {
      Target& other = OtherOf(files);
      series.others.emplace_back(&other, other.names->Append(tenant, numbered.metric));
    }
  }
  return true;
}

// Sends the points of a batch that belong to the destination, and collects those for others.
void SpoolReplay::Split(absl::string_view payload) {
  int64_t unix_ms = 0;
  std::memcpy(&unix_ms, payload.data(), kArrivalBytes);
  payload.remove_prefix(kArrivalBytes);
  if (!journal::ParsePoints(payload, &columns_).ok()) return;
  std::unique_ptr<Batch> own = NewBatch(own_, unix_ms);
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
    for (const auto& [target, id] : series.others) {
      if (target->batch == nullptr) target->batch = NewBatch(*target, unix_ms);
      append(*target->batch, id, i);
    }
  }
  allowance_points_ -= static_cast<double>(columns_.numbers.size());
  if (own->point_count() == 0) return;
  const size_t own_point_count = own->point_count();
  Send(own_, std::move(own), own_point_count);
}

std::unique_ptr<Batch> SpoolReplay::NewBatch(const Target& target, int64_t unix_ms) {
  auto batch = std::make_unique<Batch>();
  batch->names = target.names;
  batch->epoch = routing_.epoch();
  batch->received_unix_ms = unix_ms;
  return batch;
}

SpoolReplay::Target& SpoolReplay::OtherOf(SpoolFiles* files) {
  for (Target& other : others_) {
    if (other.files == files) return other;
  }
  return others_.emplace_back(Target{.files = files, .names = std::make_shared<NameTable>()});
}

std::vector<SpoolReplay::Target*> SpoolReplay::Targets() {
  std::vector<Target*> targets = {&own_};
  for (Target& other : others_) targets.push_back(&other);
  return targets;
}

size_t SpoolReplay::unacknowledged_bytes() {
  size_t bytes = 0;
  for (Target* const target : Targets()) {
    if (target->stream != nullptr) bytes += target->stream->unacknowledged_bytes();
  }
  return bytes;
}

bool SpoolReplay::GiveToOthers() {
  for (Target& other : others_) {
    if (other.batch == nullptr) continue;
    if (other.files->Append(*other.batch).ok()) {
      totals_.rerouted_points += other.batch->point_count();
      other.batch.reset();
    } else if (!SendPastSpool(other)) {
      return false;
    }
  }
  return true;
}

// Within the window, but not by one batch at a time while the destination of this spool is down:
// that does not concern the other one.
bool SpoolReplay::SendPastSpool(Target& target) {
  if (clock_.Monotonic() < retry_at_ || unacknowledged_bytes() >= options_.window_bytes) {
    return false;
  }
  if (target.stream == nullptr) {
    target.stream = routing_.StreamPast(*target.files);
    target.seen_acknowledged = 0;
  }
  if (target.stream == nullptr) return false;
  const size_t point_count = target.batch->point_count();
  Send(target, std::move(target.batch), point_count);
  return true;
}

void SpoolReplay::Send(Target& target, std::unique_ptr<Batch> batch, size_t counted_point_count) {
  target.sent_point_counts.push_back(counted_point_count);
  in_flight_point_count_ += counted_point_count;
  target.stream->Send(std::move(batch));
}

// Removes the segment once everything in it is safe elsewhere.
absl::StatusOr<bool> SpoolReplay::Finish() {
  if (unacknowledged_bytes() > 0) return false;
  CollectAcknowledged();
  if (std::exchange(has_returned_, false)) PLUMBAGO_RETURN_IF_ERROR(files_.Sync());
  for (Target& other : others_) PLUMBAGO_RETURN_IF_ERROR(other.files->Sync());
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
