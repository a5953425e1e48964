#include "cache/flusher.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.h"

namespace plumbago::cache {
namespace {

// The longest sleep, and the longest time between two looks at the allocator.
constexpr absl::Duration kIdleInterval = absl::Seconds(1);

}  // namespace

Flusher::Flusher(const FlusherOptions& options, PointCache& cache, StoreWriter& writer,
                 base::Clock& clock)
    : options_(options), cache_(cache), writer_(writer), clock_(clock) {
  cache_.SetListener([this] { OnFirstPoint(); });
}

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
    const absl::Duration idle = cache_.IdleTime();
    base::MutexLock lock(mutex_);
    if (is_stopping_) return;
    const bool is_idle = !std::exchange(has_first_point_, false) && in_flight_count_ == 0;
    const absl::Duration wait =
        is_idle ? std::max(std::min(idle, kIdleInterval), options_.interval) : options_.interval;
    changed_.WaitFor(lock, absl::ToInt64Nanoseconds(wait));
  }
}

void Flusher::OnFirstPoint() {
  base::MutexLock lock(mutex_);
  has_first_point_ = true;
  changed_.NotifyAll();
}

// Each batch that is done wakes the thread: that is too often for this.
void Flusher::UpdatePressure() {
  const absl::Duration now = clock_.Monotonic();
  if (now < next_pressure_update_) return;
  next_pressure_update_ = now + options_.interval;
  cache_.UpdatePressure(IsAllocatorDue(now) ? options_.process_bytes() : 0);
}

// To ask the allocator costs as much as to take a thousand points. While little is in use only what
// the points of a second add to it matters.
bool Flusher::IsAllocatorDue(absl::Duration now) {
  const MemoryBudget& memory = cache_.memory();
  const size_t counted_bytes = memory.counted_bytes();
  const size_t change = counted_bytes > counted_bytes_then_ ? counted_bytes - counted_bytes_then_
                                                            : counted_bytes_then_ - counted_bytes;
  const bool is_due = now >= next_allocator_read_ ||
                      memory.used_bytes() >= memory.bytes_max() / 2 ||
                      change >= memory.bytes_max() / 64 || cache_.has_unfair_tenants();
  if (!is_due) return false;
  next_allocator_read_ = now + kIdleInterval;
  counted_bytes_then_ = counted_bytes;
  return true;
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
