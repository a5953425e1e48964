#include "cache/journal_cutter.h"

#include <pthread.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace plumbago::cache {

void JournalCutter::Start() {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "journal-cutter");
}

void JournalCutter::Stop() {
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void JournalCutter::CutOnce() {
  const absl::Status status = journal_.Cut([this] {
    // In this order: a batch that the store applies meanwhile is seen by the tracker before the
    // cache forgets it.
    const uint32_t unstored = cache_.OldestUnstoredSegment();
    return std::min(unstored, durability_.OldestSegment());
  });
  if (!status.ok()) {
    base::LogWarning(absl::StrCat("the journal cannot be cut: ", std::string(status.message()),
                                  "; trying again"));
  }
}

void JournalCutter::Run() {
  for (;;) {
    {
      base::MutexLock lock(mutex_);
      const absl::Duration next = clock_.Monotonic() + kInterval;
      while (!is_stopping_) {
        const absl::Duration left = next - clock_.Monotonic();
        if (left <= absl::ZeroDuration()) break;
        changed_.WaitFor(lock, absl::ToInt64Nanoseconds(left));
      }
      if (is_stopping_) return;
    }
    CutOnce();
  }
}

}  // namespace plumbago::cache
