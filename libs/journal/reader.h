// Reads a journal from its first record to its last.
//
// What a crash may leave is not damage: bytes after the last record that were never known to be on
// the disk. They are passed over. Everything else that does not fit is damage: a record whose
// checksum is wrong before its segment's end, a segment that is missing. Blocks on the disk; for
// one thread, while nobody writes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"
#include "journal/segment_reader.h"

namespace plumbago::journal {

struct ReadResult {
  uint64_t last_segment = 0;    // 0: there is none
  uint64_t last_end_bytes = 0;  // of its records
  uint64_t record_count = 0;
  uint64_t torn_bytes = 0;           // passed over as the tail of a crash
  std::vector<std::string> skipped;  // damage with kSkip: file, bytes and what was wrong
};

// Calls `visit` for every record in the order of writing. A directory that is missing is an empty
// journal. DataLoss: damage, with file and offset; other errors are those of `visit` and the disk.
absl::StatusOr<ReadResult> ReadJournal(base::FileSystem& file_system, const std::string& directory,
                                       OnDamage on_damage,
                                       absl::FunctionRef<absl::Status(const Record&)> visit);

// The numbers of the segments in `directory`, ascending.
absl::StatusOr<std::vector<uint64_t>> ListSegments(base::FileSystem& file_system,
                                                   const std::string& directory);

}  // namespace plumbago::journal
