// A file whose first bytes have been read already: reads of these make no system call.
//
// For one update of a file that was opened for it: the header, the time of slot 0 and most slots
// that coarser archives are computed from are near the beginning. Not thread-safe. Right as long as
// nobody else writes to the file; writes through this are seen.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"

namespace plumbago::whisper {

class BegunFile final : public base::File {
 public:
  // `beginning`: what `file`, which must outlive this, starts with; may be empty.
  BegunFile(base::File& file, std::string beginning)
      : file_(file), beginning_(std::move(beginning)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* buffer, size_t size) override;
  absl::Status WriteAt(uint64_t offset, absl::string_view data) override;
  absl::StatusOr<uint64_t> Size() override { return file_.Size(); }
  uint64_t Inode() override { return file_.Inode(); }
  absl::StatusOr<uint64_t> LinkCount() override { return file_.LinkCount(); }
  absl::Status Preallocate(uint64_t size) override { return file_.Preallocate(size); }
  absl::Status Sync() override { return file_.Sync(); }

 private:
  base::File& file_;
  std::string beginning_;
};

}  // namespace plumbago::whisper
