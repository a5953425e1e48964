#include "journal/reader.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "journal/format.h"

namespace plumbago::journal {
namespace {

class JournalReader {
 public:
  using Visit = absl::FunctionRef<absl::Status(const Record&)>;

  JournalReader(base::FileSystem& file_system, const std::string& directory, OnDamage on_damage,
                Visit visit)
      : file_system_(file_system), directory_(directory), on_damage_(on_damage), visit_(visit) {}

  absl::StatusOr<ReadResult> Read() {
    PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<uint64_t> segments,
                              ListSegments(file_system_, directory_));
    std::unique_ptr<SegmentReader> pending;  // read when the next one has said where it ends
    for (size_t i = 0; i < segments.size(); ++i) {
      if (i > 0) PLUMBAGO_RETURN_IF_ERROR(CheckFollows(segments[i - 1], segments[i]));
      PLUMBAGO_ASSIGN_OR_RETURN(
          auto reader, SegmentReader::Open(file_system_, PathOf(segments[i]), segments[i]));
      const std::optional<SegmentHeader>& header = reader->header();
      const bool is_last = i + 1 == segments.size();
      if (!header.has_value()) {
        PLUMBAGO_ASSIGN_OR_RETURN(const bool has_records, reader->HasRecords());
        if (is_last && !has_records) break;  // its creation was cut off
        PLUMBAGO_RETURN_IF_ERROR(Damaged(absl::StrCat(
            PathOf(segments[i]), " is damaged at byte 0: its header does not fit its checksum")));
      }
      const bool is_chained = header.has_value() && i > 0 && segments[i - 1] + 1 == segments[i];
      PLUMBAGO_RETURN_IF_ERROR(ReadPending(
          pending.get(), is_chained ? std::optional(header->previous_end_bytes) : std::nullopt));
      pending = std::move(reader);
    }
    PLUMBAGO_RETURN_IF_ERROR(ReadPending(pending.get(), std::nullopt));
    return std::move(result_);
  }

 private:
  std::string PathOf(uint64_t segment) const {
    return absl::StrCat(directory_, "/", SegmentFileName(segment));
  }

  absl::Status ReadPending(SegmentReader* reader, std::optional<uint64_t> end_bytes) {
    if (reader == nullptr) return absl::OkStatus();
    if (end_bytes.has_value()) reader->EndAt(*end_bytes);
    for (;;) {
      PLUMBAGO_ASSIGN_OR_RETURN(const auto record, reader->Next(on_damage_));
      if (!record.has_value()) break;
      PLUMBAGO_RETURN_IF_ERROR(visit_(*record));
      ++result_.record_count;
    }
    result_.last_segment = reader->segment();
    result_.last_end_bytes = reader->offset();
    result_.torn_bytes += reader->torn_bytes();
    for (const std::string& damage : reader->skipped()) result_.skipped.push_back(damage);
    return absl::OkStatus();
  }

  absl::Status CheckFollows(uint64_t previous, uint64_t segment) {
    if (segment == previous + 1) return absl::OkStatus();
    return Damaged(absl::StrCat(PathOf(previous + 1), " is missing: the journal goes on with ",
                                SegmentFileName(segment)));
  }

  absl::Status Damaged(std::string what) {
    if (on_damage_ == OnDamage::kStop) return absl::DataLossError(what);
    result_.skipped.push_back(std::move(what));
    return absl::OkStatus();
  }

  base::FileSystem& file_system_;
  const std::string& directory_;
  const OnDamage on_damage_;
  const Visit visit_;
  ReadResult result_;
};

}  // namespace

absl::StatusOr<std::vector<uint64_t>> ListSegments(base::FileSystem& file_system,
                                                   const std::string& directory) {
  const auto entries = file_system.ListDirectory(directory);
  if (absl::IsNotFound(entries.status())) return std::vector<uint64_t>();
  if (!entries.ok()) return entries.status();
  std::vector<uint64_t> segments;
  for (const base::DirectoryEntry& entry : *entries) {
    const auto segment = ParseSegmentFileName(entry.name);
    if (entry.is_regular && segment.has_value()) segments.push_back(*segment);
  }
  std::sort(segments.begin(), segments.end());
  return segments;
}

absl::StatusOr<ReadResult> ReadJournal(base::FileSystem& file_system, const std::string& directory,
                                       OnDamage on_damage,
                                       absl::FunctionRef<absl::Status(const Record&)> visit) {
  return JournalReader(file_system, directory, on_damage, visit).Read();
}

}  // namespace plumbago::journal
