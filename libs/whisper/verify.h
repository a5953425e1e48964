// Looks for damage in a whisper file without changing it.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file_system.h"
#include "whisper/header.h"

namespace plumbago::whisper {

struct ArchiveReport {
  uint64_t known_count = 0;  // slots with a point
  uint64_t empty_count = 0;
  uint64_t misplaced_count = 0;  // slots whose time belongs elsewhere; they read as missing
};

struct FileReport {
  Header header;
  uint64_t surplus_bytes = 0;  // after the last archive; nothing reads them
  std::vector<ArchiveReport> archives;

  // No slot is misplaced. Surplus bytes do no harm.
  bool is_sound() const;
};

// Reads the whole file, a piece at a time. DataLoss: a damaged header or a truncated file;
// NotFound: an empty or unfinished one. Of a compressed file every checksum is verified; it has no
// slots, so the points of its blocks and buffers are what is known.
absl::StatusOr<FileReport> Verify(base::File& file);

}  // namespace plumbago::whisper
