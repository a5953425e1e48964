// The series files that could not be used, by path, for a metric and a list: what a write, a fetch
// or the scan met last. A file that can be used again leaves the list. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace plumbago::store {

// The words of the metric's label. "empty": no header yet, of a creation that was cut off or of
// another tool; "damaged": a compressed file; "not_a_file": a link, a directory, a pipe;
// "unreadable": the system refuses to open or to read it.
inline constexpr std::array<absl::string_view, 6> kDamageReasons = {
    "empty", "truncated", "header", "damaged", "not_a_file", "unreadable"};

class DamagedFiles {
 public:
  // More are not listed, so that a broken disk does not fill the memory.
  static constexpr size_t kFilesMax = 100'000;

  // `status` is what opening or reading `path` gave; only damage is noted, and OK takes it off.
  void Note(const std::string& path, const absl::Status& status);
  // The file is gone.
  void Remove(const std::string& path);

  size_t Count(absl::string_view reason) const;

 private:
  mutable base::Mutex mutex_;
  absl::flat_hash_map<std::string, std::string> reason_by_path_ ABSL_GUARDED_BY(mutex_);
  // Its size, so that the usual case takes no lock. Relaxed: a note that is just being made may be
  // missed, the next scan corrects it.
  std::atomic<size_t> count_{0};
};

}  // namespace plumbago::store
