// The thread that removes what the journal need not keep: segments whose points the store has all
// synced. Start and Stop belong to one owner.
#pragma once

#include <thread>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "cache/durability_tracker.h"
#include "cache/point_cache.h"
#include "cache/point_journal.h"

namespace plumbago::cache {

class JournalCutter {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(5);

  // All must outlive the cutter.
  JournalCutter(PointJournal& journal, const PointCache& cache, const DurabilityTracker& durability,
                base::Clock& clock)
      : journal_(journal), cache_(cache), durability_(durability), clock_(clock) {}
  ~JournalCutter() { Stop(); }

  void Start();
  void Stop();

  // One round.
  void CutOnce();

 private:
  void Run();

  PointJournal& journal_;
  const PointCache& cache_;
  const DurabilityTracker& durability_;
  base::Clock& clock_;
  std::thread thread_;

  base::Mutex mutex_;
  base::CondVar changed_;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbago::cache
