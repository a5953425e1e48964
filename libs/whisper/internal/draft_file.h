// A new file in memory: what is written to it, and zeroes everywhere else. Internal to
// libs/whisper.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file_system.h"

namespace plumbago::whisper::internal {

class DraftFile final : public base::File {
 public:
  explicit DraftFile(uint64_t size_bytes) : size_bytes_(size_bytes) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* buffer, size_t size) override;
  absl::Status WriteAt(uint64_t offset, absl::string_view data) override;
  absl::StatusOr<uint64_t> Size() override { return size_bytes_; }
  absl::Status Preallocate(uint64_t) override { return absl::OkStatus(); }
  absl::Status Sync() override { return absl::OkStatus(); }

  // One write for each stretch, in the order in which they were begun.
  absl::Status CopyTo(base::File& file) const;

 private:
  struct Stretch {
    uint64_t offset = 0;
    std::string bytes;
  };

  const uint64_t size_bytes_;
  std::vector<Stretch> stretches_;  // a later one lies over an earlier one
};

}  // namespace plumbago::whisper::internal
