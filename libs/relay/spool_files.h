// The spool of one destination on the disk: segments of batches, written at one end, taken from the
// same end by the replay (docs/formats/spool.md).
//
// Names are numbered per segment, so that each can be read, and removed, by itself. For one thread;
// blocks on the disk. Bounded by `bytes_max`.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file_system.h"
#include "journal/segment_reader.h"
#include "relay/batch.h"

namespace plumbago::relay {

// The type of a record that holds a batch; series are journal::kSeriesRecord.
inline constexpr uint32_t kSpooledBatchRecord = 3;

// Bytes of the arrival time, ahead of the columns of points.
inline constexpr size_t kArrivalBytes = 8;

struct SpoolFilesOptions {
  std::string directory = "";
  uint64_t bytes_max = uint64_t{1} << 30;
  uint64_t segment_bytes_max = uint64_t{32} << 20;  // a segment is closed from then on
};

class SpoolFiles {
 public:
  // Makes the directory, or takes up the segments in it. A segment whose header is damaged is set
  // aside; one whose creation was cut off is removed. `file_system` must outlive the spool.
  static absl::StatusOr<std::unique_ptr<SpoolFiles>> Open(base::FileSystem& file_system,
                                                          const SpoolFilesOptions& options);

  // ResourceExhausted: the bound or a full disk; other errors are those of the disk. After an error
  // nothing was appended, and a later call may work.
  absl::Status Append(const Batch& batch);

  // Everything appended so far survives the machine. A failure means that it may be lost.
  absl::Status Sync();

  // The number of the newest segment; nothing in an empty spool. What comes later goes to another
  // one. An error is one of Sync().
  absl::StatusOr<std::optional<uint64_t>> CloseNewest();
  absl::StatusOr<std::unique_ptr<journal::SegmentReader>> OpenSegment(uint64_t segment);

  absl::Status Remove(uint64_t segment);
  // Renames the file to *.damaged, for an operator; it is no longer part of the spool.
  absl::Status SetAside(uint64_t segment);

  uint64_t bytes() const { return total_bytes_; }
  size_t segment_count() const { return segments_.size(); }
  uint64_t damaged_count() const { return damaged_count_; }  // set aside by this object
  // Arrival of the oldest point; 0 in an empty spool.
  int64_t oldest_unix_ms() const;
  std::string PathOf(uint64_t segment) const;

 private:
  struct Segment {
    uint64_t byte_count = 0;
    int64_t oldest_unix_ms = 0;  // 0: not known
  };
  // The numbers, in the open segment, of the series of one name table.
  struct Numbers {
    std::shared_ptr<const NameTable> names;
    std::vector<uint32_t> number_plus_one;  // by id; 0: has none yet
  };

  SpoolFiles(base::FileSystem& file_system, const SpoolFilesOptions& options)
      : file_system_(file_system), options_(options) {}

  absl::Status TakeUp();
  absl::Status TakeUpSegment(uint64_t segment);
  absl::Status NoRoom(size_t byte_count) const;
  absl::Status BeginSegment();
  absl::Status CloseOpen();
  Numbers& NumbersOf(const Batch& batch);
  std::string EncodeBatch(const Batch& batch, Numbers& numbers, std::vector<uint32_t>* new_ids);
  absl::Status Forget(uint64_t segment, const absl::Status& done);

  base::FileSystem& file_system_;
  const SpoolFilesOptions options_;
  std::map<uint64_t, Segment> segments_;
  uint64_t total_bytes_ = 0;
  uint64_t last_segment_ = 0;  // the highest number ever seen
  uint64_t damaged_count_ = 0;

  // Of the open segment, which is the last one.
  std::unique_ptr<base::File> file_;  // null: there is none
  uint64_t end_bytes_ = 0;
  uint64_t synced_bytes_ = 0;
  uint32_t series_count_ = 0;
  std::vector<Numbers> numbers_;
};

}  // namespace plumbago::relay
