#include "whisper/internal/window.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"

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

}  // namespace plumbago::whisper::internal
