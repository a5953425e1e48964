#include "journal/segment_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::journal {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

}  // namespace

absl::StatusOr<absl::string_view> SegmentReader::Window::At(uint64_t offset, size_t size) {
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

absl::StatusOr<std::unique_ptr<SegmentReader>> SegmentReader::Open(base::FileSystem& file_system,
                                                                   const std::string& path,
                                                                   uint64_t segment) {
  PLUMBAGO_ASSIGN_OR_RETURN(auto file, file_system.OpenForRead(path));
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t file_bytes, file->Size());
  std::unique_ptr<SegmentReader> reader(
      new SegmentReader(path, segment, Window(std::move(file), file_bytes)));
  PLUMBAGO_RETURN_IF_ERROR(reader->ReadHeader());
  return reader;
}

absl::Status SegmentReader::ReadHeader() {
  PLUMBAGO_ASSIGN_OR_RETURN(const absl::string_view bytes, window_.At(0, kSegmentHeaderBytes));
  header_ = DecodeSegmentHeader(bytes);
  if (header_.has_value() && header_->segment != segment_) header_.reset();
  return absl::OkStatus();
}

absl::StatusOr<bool> SegmentReader::HasRecords() {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto first, RecordAt(kSegmentHeaderBytes));
  if (first.has_value()) return true;
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t next, NextRecord(kSegmentHeaderBytes));
  return next < window_.file_bytes();
}

absl::StatusOr<std::optional<Record>> SegmentReader::Next(OnDamage on_damage) {
  while (!is_at_end_ && offset_ < known_end_bytes_.value_or(window_.file_bytes())) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto found, RecordAt(offset_));
    if (found.has_value()) {
      offset_ = found->end();
      return std::optional<Record>(found->record);
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const bool goes_on, PassOverDamage(on_damage));
    is_at_end_ = !goes_on;
  }
  return std::optional<Record>();
}

// There is no intact record at offset_. Moves it to the next one; false where there is none.
absl::StatusOr<bool> SegmentReader::PassOverDamage(OnDamage on_damage) {
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t next, NextRecord(offset_));
  const bool is_last = next >= window_.file_bytes();
  if (!known_end_bytes_.has_value() && (is_last || on_damage == OnDamage::kStop)) {
    PLUMBAGO_ASSIGN_OR_RETURN(const bool was_synced, WasSynced(offset_, next));
    if (!was_synced) {
      torn_bytes_ += window_.file_bytes() - offset_;
      return false;
    }
  }
  const std::string damage =
      absl::StrCat(path_, " is damaged at byte ", offset_,
                   ": a record of checksum or length that does not fit, up to byte ", next);
  if (on_damage == OnDamage::kStop) return absl::DataLossError(damage);
  skipped_.push_back(damage);
  if (!is_last) offset_ = next;
  return !is_last;
}

// Nothing where there is no intact record.
absl::StatusOr<std::optional<SegmentReader::Found>> SegmentReader::RecordAt(uint64_t offset) {
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
absl::StatusOr<uint64_t> SegmentReader::NextRecord(uint64_t offset) {
  for (uint64_t next = offset + 8; next + kRecordHeaderBytes <= window_.file_bytes(); next += 8) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto found, RecordAt(next));
    if (found.has_value()) return next;
  }
  return std::max(offset, window_.file_bytes());
}

// Whether a record from `next` on says that the byte at `offset` had been synced.
absl::StatusOr<bool> SegmentReader::WasSynced(uint64_t offset, uint64_t next) {
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

}  // namespace plumbago::journal
