// What scans remember of directories: one whose time of change is as the last scan saw it has the
// same entries, so its files need no look. That time (ctime) is the kernel's own, no tool can set
// it, and adding, replacing and removing an entry changes it.
//
// Takes 8 bytes a directory, twice during a scan. For one scan at a time. Of a file system that
// tells no time of change nothing is remembered.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/file_system.h"

namespace plumbago::store {

class SeenDirectories {
 public:
  // Changes within this time of a scan may bear one time of change: clocks tick in steps, and that
  // of a file server may be ahead or behind.
  static constexpr int64_t kSettlingSeconds = 60;

  // Forgets all: the next scan looks at every file.
  void Clear() { *this = {}; }

  // In this order: a scan begins; it asks about each directory, looked at before its entries are;
  // then about the directories of series, in any order; it ends, and the next knows what it saw. A
  // scan that was not completed ends with Clear() instead.
  void Begin(int64_t now_unix_seconds);
  bool IsUnchanged(absl::string_view path, const base::FileInfo& info);
  void EndWalk();
  bool WasUnchanged(absl::string_view path) const;
  void End();

  // Whether there was a directory that had changed, or was new.
  bool has_changes() const { return has_changes_; }

 private:
  int64_t settled_before_nanos_ = 0;
  bool has_changes_ = false;
  // Hashes, ordered where they are searched: of paths with their change, and of paths.
  std::vector<uint64_t> known_;
  std::vector<uint64_t> seen_;
  std::vector<uint64_t> unchanged_;
};

}  // namespace plumbago::store
