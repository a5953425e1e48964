#include "whisper/internal/draft_file.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/status.h"

namespace plumbago::whisper::internal {

absl::StatusOr<size_t> DraftFile::ReadAt(uint64_t offset, char* buffer, size_t size) {
  const size_t count = offset < size_bytes_ ? std::min<uint64_t>(size, size_bytes_ - offset) : 0;
  std::memset(buffer, 0, count);
  const uint64_t end = offset + count;
  for (const Stretch& stretch : stretches_) {
    const uint64_t from = std::max(offset, stretch.offset);
    const uint64_t to = std::min<uint64_t>(end, stretch.offset + stretch.bytes.size());
    if (from >= to) continue;
    std::memcpy(buffer + (from - offset), stretch.bytes.data() + (from - stretch.offset),
                to - from);
  }
  return count;
}

absl::Status DraftFile::WriteAt(uint64_t offset, absl::string_view data) {
  PLUMBAGO_CHECK(offset + data.size() <= size_bytes_);
  const bool goes_on =
      !stretches_.empty() && stretches_.back().offset + stretches_.back().bytes.size() == offset;
  if (!goes_on) stretches_.push_back({.offset = offset, .bytes = {}});
  stretches_.back().bytes.append(data.data(), data.size());
  return absl::OkStatus();
}

absl::Status DraftFile::CopyTo(base::File& file) const {
  for (const Stretch& stretch : stretches_) {
    PLUMBAGO_RETURN_IF_ERROR(file.WriteAt(stretch.offset, stretch.bytes));
  }
  return absl::OkStatus();
}

}  // namespace plumbago::whisper::internal
