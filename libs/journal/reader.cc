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

constexpr size_t kReadBytes = size_t{4} << 20;

// A file through a window of at least kReadBytes.
class Window {
 public:
  Window(std::unique_ptr<base::File> file, uint64_t file_bytes)
      : file_(std::move(file)), file_bytes_(file_bytes) {}

  uint64_t file_bytes() const { return file_bytes_; }

  // Up to `size` bytes at `offset`, fewer at the end of the file. Valid until the next call.
  absl::StatusOr<absl::string_view> At(uint64_t offset, size_t size) {
    if (offset >= file_bytes_) return absl::string_view();
    size = std::min<uint64_t>(size, file_bytes_ - offset);
    if (offset < begin_ || offset + size > begin_ + bytes_.size()) {
      bytes_.resize(std::max(size, kReadBytes));
      PLUMBAGO_ASSIGN_OR_RETURN(const size_t read,
                                file_->ReadAt(offset, bytes_.data(), bytes_.size()));
      bytes_.resize(read);
      begin_ = offset;
    }
    return absl::string_view(bytes_).substr(offset - begin_, size);
  }

 private:
  std::unique_ptr<base::File> file_;
  uint64_t file_bytes_ = 0;
  uint64_t begin_ = 0;
  std::string bytes_;
};

class SegmentReader {
 public:
  using Visit = absl::FunctionRef<absl::Status(const Record&)>;

  SegmentReader(std::string path, uint64_t segment, Window window)
      : path_(std::move(path)), segment_(segment), window_(std::move(window)) {}

  absl::StatusOr<std::optional<SegmentHeader>> ReadHeader() {
    PLUMBAGO_ASSIGN_OR_RETURN(const absl::string_view bytes, window_.At(0, kSegmentHeaderBytes));
    std::optional<SegmentHeader> header = DecodeSegmentHeader(bytes);
    if (header.has_value() && header->segment != segment_) header.reset();
    return header;
  }

  // Visits the records up to `end_bytes`; nothing: to where the file's last record ends.
  absl::Status ReadRecords(std::optional<uint64_t> end_bytes, OnDamage on_damage, Visit visit,
                           ReadResult* result) {
    const uint64_t last_byte = end_bytes.value_or(window_.file_bytes());
    uint64_t offset = kSegmentHeaderBytes;
    while (offset < last_byte) {
      PLUMBAGO_ASSIGN_OR_RETURN(const auto found, RecordAt(offset));
      if (found.has_value()) {
        PLUMBAGO_RETURN_IF_ERROR(visit(found->record));
        ++result->record_count;
        offset = found->end();
        continue;
      }
      PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t next, NextRecord(offset));
      const bool is_last = next >= window_.file_bytes();
      if (!end_bytes.has_value() && (is_last || on_damage == OnDamage::kStop)) {
        PLUMBAGO_ASSIGN_OR_RETURN(const bool was_synced, WasSynced(offset, next));
        if (!was_synced) {
          result->torn_bytes += window_.file_bytes() - offset;
          break;
        }
      }
      const std::string damage =
          absl::StrCat(path_, " is damaged at byte ", offset, ": a record of checksum or length ",
                       "that does not fit, up to byte ", next);
      if (on_damage == OnDamage::kStop) return absl::DataLossError(damage);
      result->skipped.push_back(damage);
      if (is_last) break;
      offset = next;
    }
    result->last_segment = segment_;
    result->last_end_bytes = offset;
    return absl::OkStatus();
  }

  // Whether there is an intact record anywhere.
  absl::StatusOr<bool> HasRecords() {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto first, RecordAt(kSegmentHeaderBytes));
    if (first.has_value()) return true;
    PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t next, NextRecord(kSegmentHeaderBytes));
    return next < window_.file_bytes();
  }

 private:
  struct Found {
    Record record;
    uint64_t synced_bytes = 0;

    uint64_t end() const { return record.offset + RecordBytes(record.payload.size()); }
  };

  // Nothing where there is no intact record.
  absl::StatusOr<std::optional<Found>> RecordAt(uint64_t offset) {
    PLUMBAGO_ASSIGN_OR_RETURN(absl::string_view bytes, window_.At(offset, kRecordHeaderBytes));
    const std::optional<RecordHeader> header = DecodeRecordHeader(bytes);
    // Nothing behind a record was synced before it: other bytes can hardly look like this.
    if (!header.has_value() || header->synced_bytes > offset) return std::optional<Found>();
    const size_t size = kRecordHeaderBytes + header->payload_bytes;
    PLUMBAGO_ASSIGN_OR_RETURN(bytes, window_.At(offset, size));
    if (bytes.size() < size || !IsRecordIntact(bytes)) return std::optional<Found>();
    return std::optional<Found>({{.segment = segment_,
                                  .offset = offset,
                                  .type = header->type,
                                  .payload = bytes.substr(kRecordHeaderBytes)},
                                 header->synced_bytes});
  }

  // Where the first intact record after `offset` begins, or the file ends.
  absl::StatusOr<uint64_t> NextRecord(uint64_t offset) {
    for (uint64_t next = offset + 8; next + kRecordHeaderBytes <= window_.file_bytes(); next += 8) {
      PLUMBAGO_ASSIGN_OR_RETURN(const auto found, RecordAt(next));
      if (found.has_value()) return next;
    }
    return std::max(offset, window_.file_bytes());
  }

  // Whether a record from `next` on says that the byte at `offset` had been synced.
  absl::StatusOr<bool> WasSynced(uint64_t offset, uint64_t next) {
    while (next < window_.file_bytes()) {
      PLUMBAGO_ASSIGN_OR_RETURN(const auto found, RecordAt(next));
      if (found.has_value() && found->synced_bytes > offset) return true;
      if (found.has_value()) {
        next = found->end();
      } else {
        PLUMBAGO_ASSIGN_OR_RETURN(next, NextRecord(next));
      }
    }
    return false;
  }

  const std::string path_;
  const uint64_t segment_;
  Window window_;
};

class JournalReader {
 public:
  JournalReader(base::FileSystem& file_system, const std::string& directory, OnDamage on_damage,
                SegmentReader::Visit visit)
      : file_system_(file_system), directory_(directory), on_damage_(on_damage), visit_(visit) {}

  absl::StatusOr<ReadResult> Read() {
    PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<uint64_t> segments,
                              ListSegments(file_system_, directory_));
    std::unique_ptr<SegmentReader> pending;  // read when the next one has said where it ends
    for (size_t i = 0; i < segments.size(); ++i) {
      if (i > 0) PLUMBAGO_RETURN_IF_ERROR(CheckFollows(segments[i - 1], segments[i]));
      PLUMBAGO_ASSIGN_OR_RETURN(auto reader, Open(segments[i]));
      PLUMBAGO_ASSIGN_OR_RETURN(const auto header, reader->ReadHeader());
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

  absl::StatusOr<std::unique_ptr<SegmentReader>> Open(uint64_t segment) {
    PLUMBAGO_ASSIGN_OR_RETURN(auto file, file_system_.OpenForRead(PathOf(segment)));
    PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t file_bytes, file->Size());
    return std::make_unique<SegmentReader>(PathOf(segment), segment,
                                           Window(std::move(file), file_bytes));
  }

  absl::Status ReadPending(SegmentReader* reader, std::optional<uint64_t> end_bytes) {
    if (reader == nullptr) return absl::OkStatus();
    return reader->ReadRecords(end_bytes, on_damage_, visit_, &result_);
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
  const SegmentReader::Visit visit_;
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
