#include "cache/flusher.h"

#include <pthread.h>

#include <utility>

#include "base/failpoint.h"

namespace plumbago::cache {

Flusher::Flusher(const FlusherOptions& options, PointCache& cache, StoreWriter& writer,
                 base::Clock& clock)
    : options_(options), cache_(cache), writer_(writer), clock_(clock) {}

Flusher::~Flusher() { Stop(); }

void Flusher::Start() {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "flusher");
}

void Flusher::OnBatchDone() {
  base::MutexLock lock(mutex_);
  --in_flight_count_;
  changed_.NotifyAll();
}

void Flusher::Run() {
  for (;;) {
    UpdatePressure();
    cache_.Expire();
    while (SendOne()) {
    }
    base::MutexLock lock(mutex_);
    if (is_stopping_) return;
    changed_.WaitFor(lock, absl::ToInt64Nanoseconds(options_.interval));
  }
}

// Each batch that is done wakes the thread: asking the allocator as often would cost too much.
void Flusher::UpdatePressure() {
  const absl::Duration now = clock_.Monotonic();
  if (now < next_pressure_update_) return;
  next_pressure_update_ = now + options_.interval;
  cache_.UpdatePressure(options_.process_bytes());
}

// False where nothing is due or enough is under way.
bool Flusher::SendOne() {
  {
    base::MutexLock lock(mutex_);
    if (is_stopping_ || in_flight_count_ >= options_.batches_in_flight_max) return false;
  }
  auto batch = std::make_unique<FlushBatch>();
  if (!cache_.TakeDue(batch.get())) return false;
  {
    base::MutexLock lock(mutex_);
    ++in_flight_count_;
  }
  base::Failpoint("flush.taken");
  writer_.Send(std::move(batch));
  return true;
}

uint64_t Flusher::Drain(absl::Duration deadline) {
  cache_.BeginDrain();
  base::MutexLock lock(mutex_);
  changed_.NotifyAll();
  while (cache_.unstored_points() > 0 && clock_.Monotonic() < deadline) {
    changed_.WaitFor(lock, absl::ToInt64Nanoseconds(options_.interval));
  }
  return cache_.unstored_points();
}

void Flusher::Stop() {
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace plumbago::cache
