// Whether this process can do its job, and if not, why. Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/mutex.h"

namespace plumbago::service {

class Health {
 public:
  // Not ready until told otherwise.
  void SetReady() { Set(absl::OkStatus()); }
  void SetNotReady(const std::string& reason) { Set(absl::UnavailableError(reason)); }

  absl::Status readiness() const {
    base::MutexLock lock(mutex_);
    return readiness_;
  }

  // `listener` is called after each change, on the caller's thread. Set before the first change.
  void OnChange(std::function<void(const absl::Status&)> listener) {
    listener_ = std::move(listener);
  }

 private:
  void Set(absl::Status readiness) {
    {
      base::MutexLock lock(mutex_);
      readiness_ = readiness;
    }
    if (listener_) listener_(readiness);
  }

  std::function<void(const absl::Status&)> listener_;
  mutable base::Mutex mutex_;
  absl::Status readiness_ ABSL_GUARDED_BY(mutex_) = absl::UnavailableError("starting");
};

}  // namespace plumbago::service
