// Reads the records of one segment, one after the other.
//
// What a crash may leave at the end is not damage: bytes after the last record that were never
// known to be on the disk. They are passed over. Every other record whose checksum does not fit is
// damage. Blocks on the disk; for one thread, while nobody writes to the segment. Holds about 1
// MiB, or the largest record.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"
#include "journal/format.h"

namespace plumbago::journal {

enum class OnDamage {
  kStop,
  kSkip,  // go on with the next intact record: what an operator asks for with --salvage
};

struct Record {
  uint64_t segment = 0;
  uint64_t offset = 0;  // of the record in its segment's file
  uint32_t type = 0;
  absl::string_view payload;  // valid until the next record is read
};

class SegmentReader {
 public:
  // `segment` is the number that the file's name gives. Errors are those of the disk.
  static absl::StatusOr<std::unique_ptr<SegmentReader>> Open(base::FileSystem& file_system,
                                                             const std::string& path,
                                                             uint64_t segment);

  uint64_t segment() const { return segment_; }
  // Nothing where the file does not begin with the header of this segment.
  const std::optional<SegmentHeader>& header() const { return header_; }

  // Whether there is an intact record anywhere.
  absl::StatusOr<bool> HasRecords();

  // The records are known to end here: nothing before it is a torn tail. Before the first Next().
  void EndAt(uint64_t end_bytes) { known_end_bytes_ = end_bytes; }

  // Nothing after the last record. With kStop DataLoss for damage, with file and offset; with kSkip
  // it is noted in skipped(). Other errors are those of the disk.
  absl::StatusOr<std::optional<Record>> Next(OnDamage on_damage);

  // Where the records that were read end.
  uint64_t offset() const { return offset_; }
  uint64_t torn_bytes() const { return torn_bytes_; }  // passed over as the tail of a crash
  // Damage: file, bytes and what was wrong.
  const std::vector<std::string>& skipped() const { return skipped_; }

 private:
  // A file through a window of about 1 MiB.
  class Window {
   public:
    Window(std::unique_ptr<base::File> file, uint64_t file_bytes)
        : file_(std::move(file)), file_bytes_(file_bytes) {}
    uint64_t file_bytes() const { return file_bytes_; }
    // Up to `size` bytes at `offset`, fewer at the end of the file. Valid until the next call.
    absl::StatusOr<absl::string_view> At(uint64_t offset, size_t size);

   private:
    std::unique_ptr<base::File> file_;
    uint64_t file_bytes_ = 0;
    uint64_t begin_ = 0;
    std::string bytes_;
  };
  struct Found {
    Record record;
    uint64_t synced_bytes = 0;

    uint64_t end() const { return record.offset + RecordBytes(record.payload.size()); }
  };

  SegmentReader(std::string path, uint64_t segment, Window window)
      : path_(std::move(path)), segment_(segment), window_(std::move(window)) {}

  absl::Status ReadHeader();
  absl::StatusOr<std::optional<Found>> RecordAt(uint64_t offset);
  absl::StatusOr<uint64_t> NextRecord(uint64_t offset);
  absl::StatusOr<bool> WasSynced(uint64_t offset, uint64_t next);
  absl::StatusOr<bool> PassOverDamage(OnDamage on_damage);

  const std::string path_;
  const uint64_t segment_;
  Window window_;
  std::optional<SegmentHeader> header_;
  std::optional<uint64_t> known_end_bytes_;
  uint64_t offset_ = kSegmentHeaderBytes;
  bool is_at_end_ = false;
  uint64_t torn_bytes_ = 0;
  std::vector<std::string> skipped_;
};

}  // namespace plumbago::journal
