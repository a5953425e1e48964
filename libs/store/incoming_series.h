// Whisper files on their way into the tree: received piece by piece beside it, checked, then put
// in.
//
// Staging is thread-safe; an IncomingSeries is for one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"
#include "store/series_name.h"
#include "store/series_tree.h"

namespace plumbago::store {

// A directory of temporary files, on the file system of the tree.
class Staging {
 public:
  Staging(base::FileSystem& file_system, std::string directory)
      : file_system_(file_system), directory_(std::move(directory)) {}

  // Removes what an earlier process has left. Before the first path.
  absl::Status Clear();
  // One that was never given before.
  std::string NewPath();

 private:
  base::FileSystem& file_system_;
  const std::string directory_;
  std::atomic<uint64_t> next_{1};
};

class IncomingSeries {
 public:
  // More than the 32-bit offsets of a whisper file can reach.
  static constexpr uint64_t kFileBytesMax = uint64_t{5} << 30;

  // Both must outlive this.
  IncomingSeries(SeriesTree& tree, Staging& staging)
      : tree_(tree), path_(staging.NewPath()), converted_path_(staging.NewPath()) {}
  ~IncomingSeries();  // removes what was not put in
  IncomingSeries(const IncomingSeries&) = delete;
  IncomingSeries& operator=(const IncomingSeries&) = delete;

  // Of the next bytes. ResourceExhausted: over kFileBytesMax, or the disk is full.
  absl::Status Append(absl::string_view bytes);
  // Puts the series in. DataLoss: what came is no sound whisper file. A compressed one of go-carbon
  // becomes a classic one with the same archives. Others: SeriesTree::Put.
  absl::StatusOr<PutOutcome> Commit(const SeriesName& name, PutMode mode);

 private:
  SeriesTree& tree_;
  const std::string path_;
  const std::string converted_path_;
  std::unique_ptr<base::File> file_;
  uint64_t size_bytes_ = 0;
};

}  // namespace plumbago::store
