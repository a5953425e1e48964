#include "whisper/internal/slots.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "whisper/internal/encoding.h"

namespace plumbago::whisper::internal {
namespace {

absl::Status ReadExactly(base::File& file, uint64_t offset, char* buffer, size_t size) {
  PLUMBAGO_ASSIGN_OR_RETURN(const size_t count, file.ReadAt(offset, buffer, size));
  if (count == size) return absl::OkStatus();
  return base::WithReason(
      absl::DataLossError(absl::StrCat("truncated whisper file: ", count, " of ", size,
                                       " bytes at offset ", offset)),
      "truncated");
}

}  // namespace

absl::StatusOr<uint32_t> ReadBaseTime(base::File& file, const Archive& archive) {
  char time[4];
  PLUMBAGO_RETURN_IF_ERROR(ReadExactly(file, archive.offset, time, sizeof(time)));
  return LoadU32(time);
}

absl::Status ReadSlots(base::File& file, const Archive& archive, uint64_t slot, uint64_t count,
                       std::string* bytes) {
  bytes->resize(count * kPointBytes);
  const uint64_t before_end = std::min(count, archive.point_count - slot) * kPointBytes;
  PLUMBAGO_RETURN_IF_ERROR(
      ReadExactly(file, archive.offset + slot * kPointBytes, bytes->data(), before_end));
  if (before_end == bytes->size()) return absl::OkStatus();
  return ReadExactly(file, archive.offset, bytes->data() + before_end, bytes->size() - before_end);
}

absl::Status WriteSlots(base::File& file, const Archive& archive, uint64_t slot,
                        absl::string_view bytes) {
  const uint64_t before_end = (archive.point_count - slot) * kPointBytes;
  PLUMBAGO_RETURN_IF_ERROR(
      file.WriteAt(archive.offset + slot * kPointBytes, bytes.substr(0, before_end)));
  if (bytes.size() <= before_end) return absl::OkStatus();
  return file.WriteAt(archive.offset, bytes.substr(before_end));
}

}  // namespace plumbago::whisper::internal
