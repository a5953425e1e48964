#include "relay/spool_files.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "base/status.h"
#include "journal/format.h"
#include "journal/point_records.h"

namespace plumbago::relay {
namespace {

constexpr absl::string_view kDamagedExtension = ".damaged";

// The arrival of the first batch among the first records; 0 where there is none.
int64_t FirstArrival(journal::SegmentReader& reader) {
  constexpr int kRecordsMax = 4;
  for (int i = 0; i < kRecordsMax; ++i) {
    const auto record = reader.Next(journal::OnDamage::kSkip);
    if (!record.ok() || !record->has_value()) return 0;
    if ((*record)->type != kSpooledBatchRecord || (*record)->payload.size() < kArrivalBytes) {
      continue;
    }
    int64_t unix_ms = 0;
    std::memcpy(&unix_ms, (*record)->payload.data(), kArrivalBytes);
    return unix_ms;
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SpoolFiles>> SpoolFiles::Open(base::FileSystem& file_system,
                                                             const SpoolFilesOptions& options) {
  std::unique_ptr<SpoolFiles> files(new SpoolFiles(file_system, options));
  PLUMBAGO_RETURN_IF_ERROR(file_system.CreateDirectories(options.directory));
  PLUMBAGO_RETURN_IF_ERROR(files->TakeUp());
  return files;
}

absl::Status SpoolFiles::TakeUp() {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto entries, file_system_.ListDirectory(options_.directory));
  for (const base::DirectoryEntry& entry : entries) {
    const absl::string_view name = absl::StripSuffix(entry.name, kDamagedExtension);
    const auto segment = journal::ParseSegmentFileName(name);
    if (!entry.is_regular || !segment.has_value()) continue;
    last_segment_ = std::max(last_segment_, *segment);
    if (name.size() == entry.name.size()) PLUMBAGO_RETURN_IF_ERROR(TakeUpSegment(*segment));
  }
  return absl::OkStatus();
}

absl::Status SpoolFiles::TakeUpSegment(uint64_t segment) {
  PLUMBAGO_ASSIGN_OR_RETURN(const base::FileInfo info, file_system_.Stat(PathOf(segment)));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto reader, OpenSegment(segment));
  PLUMBAGO_ASSIGN_OR_RETURN(const bool has_records, reader->HasRecords());
  if (!has_records && (!reader->header().has_value() || info.size_bytes <= 32)) {
    return file_system_.Remove(PathOf(segment));  // its creation was cut off
  }
  Segment& taken = segments_[segment];
  taken.byte_count = info.size_bytes;
  total_bytes_ += info.size_bytes;
  if (!reader->header().has_value()) {
    base::LogError(absl::StrCat(PathOf(segment),
                                " is damaged at byte 0: its header does not fit its checksum; it "
                                "is set aside as *.damaged"));
    return SetAside(segment);
  }
  taken.oldest_unix_ms = FirstArrival(*reader);
  return absl::OkStatus();
}

absl::Status SpoolFiles::Append(const Batch& batch) {
  if (file_ != nullptr && end_bytes_ >= options_.segment_bytes_max) {
    PLUMBAGO_RETURN_IF_ERROR(CloseOpen());
  }
  if (file_ == nullptr) {
    if (total_bytes_ + journal::kSegmentHeaderBytes > options_.bytes_max) {
      return NoRoom(journal::kSegmentHeaderBytes);
    }
    PLUMBAGO_RETURN_IF_ERROR(BeginSegment());
  }
  Numbers& numbers = NumbersOf(batch);
  std::vector<uint32_t> new_ids;
  const std::string records = EncodeBatch(batch, numbers, &new_ids);
  absl::Status written;
  if (total_bytes_ + records.size() > options_.bytes_max) {
    written = NoRoom(records.size());
  } else {
    // After an error the next records are written over what these have left.
    written = file_->WriteAt(end_bytes_, records);
  }
  if (!written.ok()) {
    for (const uint32_t id : new_ids) numbers.number_plus_one[id] = 0;
    series_count_ -= static_cast<uint32_t>(new_ids.size());
    return written;
  }
  end_bytes_ += records.size();
  total_bytes_ += records.size();
  Segment& segment = segments_[last_segment_];
  segment.byte_count = end_bytes_;
  if (segment.oldest_unix_ms == 0 || batch.received_unix_ms < segment.oldest_unix_ms) {
    segment.oldest_unix_ms = batch.received_unix_ms;
  }
  return absl::OkStatus();
}

absl::Status SpoolFiles::NoRoom(size_t byte_count) const {
  return absl::ResourceExhaustedError(
      absl::StrCat(options_.directory, " has ", total_bytes_, " bytes, and ", byte_count,
                   " more would exceed the bound of ", options_.bytes_max, " (--spool-bytes-max)"));
}

absl::Status SpoolFiles::BeginSegment() {
  const std::string path = PathOf(last_segment_ + 1);
  PLUMBAGO_ASSIGN_OR_RETURN(auto file, file_system_.CreateExclusive(path));
  const absl::Status written =
      file->WriteAt(0, journal::EncodeSegmentHeader({.segment = last_segment_ + 1}));
  if (!written.ok()) {
    file.reset();
    // Where it stays, the next attempt takes another number and the next start removes it.
    if (!file_system_.Remove(path).ok()) ++last_segment_;
    return written;
  }
  file_ = std::move(file);
  end_bytes_ = journal::kSegmentHeaderBytes;
  synced_bytes_ = 0;
  series_count_ = 0;
  numbers_.clear();
  segments_[++last_segment_].byte_count = end_bytes_;
  total_bytes_ += end_bytes_;
  return absl::OkStatus();
}

SpoolFiles::Numbers& SpoolFiles::NumbersOf(const Batch& batch) {
  for (Numbers& numbers : numbers_) {
    if (numbers.names == batch.names) return numbers;
  }
  // Tables that only this spool still knows are of no use to anybody.
  std::erase_if(numbers_, [](const Numbers& numbers) { return numbers.names.use_count() == 1; });
  return numbers_.emplace_back(Numbers{.names = batch.names, .number_plus_one = {}});
}

// A record of the series that have no number yet, where there are any, then one of the points.
std::string SpoolFiles::EncodeBatch(const Batch& batch, Numbers& numbers,
                                    std::vector<uint32_t>* new_ids) {
  std::string series(journal::kRecordHeaderBytes, '\0');
  std::vector<uint32_t> point_numbers;
  point_numbers.reserve(batch.point_count());
  for (const uint32_t id : batch.points.series_id()) {
    if (id >= numbers.number_plus_one.size()) {
      numbers.number_plus_one.resize(std::max<size_t>(id + 1, size_t{id} * 2));
    }
    uint32_t& number_plus_one = numbers.number_plus_one[id];
    if (number_plus_one == 0) {
      const SeriesName name = batch.names->Get(id);
      journal::AppendSeries(series_count_, name.tenant, name.metric, series);
      number_plus_one = ++series_count_;
      new_ids->push_back(id);
    }
    point_numbers.push_back(number_plus_one - 1);
  }
  std::string records(journal::kRecordHeaderBytes, '\0');
  records.append(reinterpret_cast<const char*>(&batch.received_unix_ms), kArrivalBytes);
  journal::AppendPoints(point_numbers, batch.points.time_seconds(), batch.points.value(), records);
  journal::SealRecord(kSpooledBatchRecord, synced_bytes_, records);
  if (new_ids->empty()) return records;
  journal::SealRecord(journal::kSeriesRecord, synced_bytes_, series);
  return series + records;
}

absl::Status SpoolFiles::Sync() {
  if (file_ == nullptr || synced_bytes_ == end_bytes_) return absl::OkStatus();
  PLUMBAGO_RETURN_IF_ERROR(file_->Sync());
  if (synced_bytes_ == 0) {
    PLUMBAGO_RETURN_IF_ERROR(file_system_.SyncDirectory(options_.directory));
  }
  synced_bytes_ = end_bytes_;
  return absl::OkStatus();
}

absl::Status SpoolFiles::CloseOpen() {
  PLUMBAGO_RETURN_IF_ERROR(Sync());
  file_.reset();
  numbers_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<uint64_t>> SpoolFiles::CloseNewest() {
  if (segments_.empty()) return std::optional<uint64_t>();
  const uint64_t newest = segments_.rbegin()->first;
  if (file_ != nullptr && newest == last_segment_) PLUMBAGO_RETURN_IF_ERROR(CloseOpen());
  return std::optional(newest);
}

absl::StatusOr<std::unique_ptr<journal::SegmentReader>> SpoolFiles::OpenSegment(uint64_t segment) {
  return journal::SegmentReader::Open(file_system_, PathOf(segment), segment);
}

absl::Status SpoolFiles::Remove(uint64_t segment) {
  return Forget(segment, file_system_.Remove(PathOf(segment)));
}

absl::Status SpoolFiles::SetAside(uint64_t segment) {
  ++damaged_count_;
  return Forget(segment, file_system_.Rename(PathOf(segment),
                                             absl::StrCat(PathOf(segment), kDamagedExtension)));
}

// The segment has been taken to its destination: where its file cannot be removed, it comes again
// after the next start, which changes nothing.
absl::Status SpoolFiles::Forget(uint64_t segment, const absl::Status& done) {
  const auto found = segments_.find(segment);
  if (found != segments_.end()) {
    total_bytes_ -= found->second.byte_count;
    segments_.erase(found);
  }
  return done;
}

int64_t SpoolFiles::oldest_unix_ms() const {
  int64_t oldest = 0;
  for (const auto& [number, segment] : segments_) {
    if (segment.oldest_unix_ms == 0) continue;
    if (oldest == 0 || segment.oldest_unix_ms < oldest) oldest = segment.oldest_unix_ms;
  }
  return oldest;
}

std::string SpoolFiles::PathOf(uint64_t segment) const {
  return absl::StrCat(options_.directory, "/", journal::SegmentFileName(segment));
}

}  // namespace plumbago::relay
