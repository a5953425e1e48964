#include "whisper/internal/window.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "whisper/compressed_file.h"

namespace plumbago::whisper::internal {
namespace {

// The finest archive that reaches back `age_seconds`; at most the longest retention is asked for.
size_t SelectArchive(absl::Span<const Archive> archives, int64_t age_seconds) {
  size_t index = 0;
  while (index + 1 < archives.size() &&
         static_cast<int64_t>(archives[index].retention_seconds()) < age_seconds) {
    ++index;
  }
  return index;
}

}  // namespace

absl::StatusOr<Window> SelectWindow(absl::Span<const Archive> archives, const FetchRange& range) {
  if (range.from > range.until) {
    return absl::InvalidArgumentError(absl::StrCat("Invalid time interval: from time '", range.from,
                                                   "' is after until time '", range.until, "'"));
  }
  uint64_t longest = 0;
  for (const Archive& archive : archives) longest = std::max(longest, archive.retention_seconds());
  const int64_t oldest = range.now - static_cast<int64_t>(longest);
  const int64_t from = std::max(range.from, oldest);
  const int64_t until = std::min(range.until, range.now);
  Window window{.archive_index = SelectArchive(archives, range.now - from)};
  if (range.from > range.now || range.until < oldest) return window;
  const Archive& archive = archives[window.archive_index];
  const int64_t step = archive.seconds_per_point;
  window.start = AlignDown(from, step) + step;
  const int64_t end = AlignDown(until, step) + step;
  window.count = static_cast<uint64_t>(std::max<int64_t>(1, (end - window.start) / step));
  PLUMBAGO_CHECK(window.count <= archive.point_count);  // it reaches back to `from`
  return window;
}

absl::StatusOr<const char*> ReadWindow(const OpenFile& from, const Window& window) {
  const Archive& archive = from.header.archives[window.archive_index];
  from.base_times.resize(from.header.archives.size());
  uint32_t& base_time = from.base_times[window.archive_index];
  if (base_time == 0) {
    PLUMBAGO_ASSIGN_OR_RETURN(base_time, ReadBaseTime(from.file, archive));
  }
  if (base_time == 0 || window.count == 0) return nullptr;
  // Kept by the thread: to allocate and clear it costs as much as to read into it. What is
  // larger than the bound goes with the next fetch.
  constexpr size_t kKeptBytesMax = 1 << 20;
  thread_local std::string bytes;
  if (bytes.capacity() > kKeptBytesMax) bytes = std::string();
  PLUMBAGO_RETURN_IF_ERROR(ReadSlots(from.file, archive, SlotOf(archive, base_time, window.start),
                                     window.count, &bytes));
  return bytes.data();
}

absl::Status VisitCompressed(const OpenFile& from, const Window& window,
                             const std::function<void(uint64_t index, double value)>& visit) {
  if (window.count == 0) return absl::OkStatus();
  PLUMBAGO_ASSIGN_OR_RETURN(const CompressedHeader header, ReadCompressedHeader(from.file));
  if (ToHeader(header).archives.size() != from.header.archives.size()) {
    return absl::DataLossError("another program has changed the archives of the file");
  }
  const int64_t step = from.header.archives[window.archive_index].seconds_per_point;
  const int64_t end = window.start + step * static_cast<int64_t>(window.count);
  PLUMBAGO_ASSIGN_OR_RETURN(
      const std::vector<Point> points,
      ReadCompressedPoints(from.file, header, window.archive_index, window.start, end));
  for (const Point& point : points) {
    visit(static_cast<uint64_t>((point.time - window.start) / step), point.value);
  }
  return absl::OkStatus();
}

}  // namespace plumbago::whisper::internal
