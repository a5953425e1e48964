// A request to stop, from whoever no longer needs the result to whoever works on it.
//
// Thread-safe. Once cancelled it stays so. Callbacks run on the thread that cancels, or at once
// where that has happened already; they must not block. A callback may still be running when
// Remove() returns: it owns what it touches.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/mutex.h"

namespace plumbago::base {

class Cancellation {
 public:
  bool IsCancelled() const {
    MutexLock lock(mutex_);
    return is_cancelled_;
  }

  void Cancel() {
    std::map<uint64_t, std::function<void()>> callbacks;
    {
      MutexLock lock(mutex_);
      is_cancelled_ = true;
      callbacks.swap(callbacks_);
    }
    for (const auto& [id, callback] : callbacks) callback();
  }

  // Calls `callback` when cancelled. Returns what to remove it by.
  uint64_t Add(std::function<void()> callback) {
    {
      MutexLock lock(mutex_);
      if (!is_cancelled_) {
        callbacks_.emplace(++last_id_, std::move(callback));
        return last_id_;
      }
    }
    callback();
    return 0;
  }

  void Remove(uint64_t id) {
    MutexLock lock(mutex_);
    callbacks_.erase(id);
  }

 private:
  mutable Mutex mutex_;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::function<void()>> callbacks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::base
