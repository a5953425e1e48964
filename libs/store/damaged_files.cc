#include "store/damaged_files.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"

namespace plumbago::store {
namespace {

// Beyond so many only the metric tells.
constexpr size_t kLoggedMax = 100;

// Empty where `status` is no damage.
std::string DamageOf(const absl::Status& status) {
  const std::string reason = base::ReasonOf(status);
  const bool is_listed =
      std::find(kDamageReasons.begin(), kDamageReasons.end(), reason) != kDamageReasons.end();
  if (is_listed) return reason;
  switch (status.code()) {
    case absl::StatusCode::kDataLoss:
      return "damaged";
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnavailable:
      return "unreadable";
    default:
      return "";
  }
}

}  // namespace

void DamagedFiles::Note(const std::string& path, const absl::Status& status) {
  const std::string reason = DamageOf(status);
  if (reason.empty()) {
    if (status.ok() || absl::IsNotFound(status)) Remove(path);
    return;
  }
  {
    base::MutexLock lock(mutex_);
    if (reason_by_path_.size() >= kFilesMax && !reason_by_path_.contains(path)) return;
    std::string& noted = reason_by_path_[path];
    if (noted == reason) return;
    noted = reason;
    count_.store(reason_by_path_.size(), std::memory_order_relaxed);
    if (reason_by_path_.size() > kLoggedMax) return;
  }
  base::LogWarning(absl::StrCat("a series' file cannot be used (", reason,
                                "): ", std::string(status.message())));
}

void DamagedFiles::Remove(const std::string& path) {
  if (count_.load(std::memory_order_relaxed) == 0) return;
  base::MutexLock lock(mutex_);
  reason_by_path_.erase(path);
  count_.store(reason_by_path_.size(), std::memory_order_relaxed);
}

size_t DamagedFiles::Count(absl::string_view reason) const {
  base::MutexLock lock(mutex_);
  return static_cast<size_t>(
      std::count_if(reason_by_path_.begin(), reason_by_path_.end(),
                    [&](const auto& noted) { return noted.second == reason; }));
}

}  // namespace plumbago::store
