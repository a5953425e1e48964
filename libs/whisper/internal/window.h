// Which slots a fetch reads, and how they are read. Internal to libs/whisper.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "whisper/file.h"
#include "whisper/internal/encoding.h"
#include "whisper/internal/slots.h"

namespace plumbago::whisper::internal {

// Slots start, start + step, ... of one archive; no more than its ring has. A count of 0: the range
// is in the future or older than every archive.
struct Window {
  size_t archive_index = 0;
  int64_t start = 0;
  uint64_t count = 0;
};

// By whisper's rules, from the finest archive that reaches back to range.from. `archives` is not
// empty. InvalidArgument: from > until.
absl::StatusOr<Window> SelectWindow(absl::Span<const Archive> archives, const FetchRange& range);

// VisitSlots for a compressed file; a slot may be visited again, the last time counts.
absl::Status VisitCompressed(const OpenFile& from, const Window& window,
                             const std::function<void(uint64_t index, double value)>& visit);

// The slots of `window` as they are in a file that is not compressed; null where the archive is
// empty, or the window. Valid until the thread's next call.
absl::StatusOr<const char*> ReadWindow(const OpenFile& from, const Window& window);

// Calls visit(index, value) for each slot of `window` that holds its point.
template <typename Visit>
absl::Status VisitSlots(const OpenFile& from, const Window& window, Visit visit) {
  if (from.header.format == Format::kCompressed) return VisitCompressed(from, window, visit);
  const Archive& archive = from.header.archives[window.archive_index];
  PLUMBAGO_ASSIGN_OR_RETURN(const char* slot, ReadWindow(from, window));
  if (slot == nullptr) return absl::OkStatus();
  int64_t time = window.start;
  for (uint64_t i = 0; i < window.count; ++i) {
    if (LoadU32(slot) == time) visit(i, LoadDouble(slot + 4));
    slot += kPointBytes;
    time += archive.seconds_per_point;
  }
  return absl::OkStatus();
}

}  // namespace plumbago::whisper::internal
