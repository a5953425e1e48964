#include "store/seen_directories.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace plumbago::store {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

uint64_t HashOf(absl::string_view path, const base::FileInfo& info) {
  const uint64_t change = static_cast<uint64_t>(info.changed_unix_nanos) ^ (info.inode << 32);
  return base::Hash128(path, change).low;
}

}  // namespace

void SeenDirectories::Begin(int64_t now_unix_seconds) {
  settled_before_nanos_ = (now_unix_seconds - kSettlingSeconds) * kNanosPerSecond;
  has_changes_ = false;
  seen_.clear();
  unchanged_.clear();
}

bool SeenDirectories::IsUnchanged(absl::string_view path, const base::FileInfo& info) {
  const uint64_t hash = HashOf(path, info);
  const bool can_tell = info.changed_unix_nanos != 0;
  if (can_tell && info.changed_unix_nanos < settled_before_nanos_) seen_.push_back(hash);
  const bool is_unchanged = can_tell && std::binary_search(known_.begin(), known_.end(), hash);
  if (is_unchanged) {
    unchanged_.push_back(base::Hash64(path));
  } else {
    has_changes_ = true;
  }
  return is_unchanged;
}

void SeenDirectories::EndWalk() { std::sort(unchanged_.begin(), unchanged_.end()); }

bool SeenDirectories::WasUnchanged(absl::string_view path) const {
  return std::binary_search(unchanged_.begin(), unchanged_.end(), base::Hash64(path));
}

void SeenDirectories::End() {
  std::vector<uint64_t>().swap(unchanged_);
  std::sort(seen_.begin(), seen_.end());
  known_ = std::move(seen_);
  seen_ = {};
}

}  // namespace plumbago::store
