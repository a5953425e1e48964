#include "shard_prober.h"

#include <pthread.h>

namespace plumbago::query {
namespace {

// How soon a stall is noticed, beside the stall time itself; looking costs microseconds.
constexpr int64_t kLookNanos = 100'000'000;

}  // namespace

void ShardProber::Start() {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "shard-prober");
}

void ShardProber::Stop() {
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void ShardProber::Run() {
  while (true) {
    {
      base::MutexLock lock(mutex_);
      if (!is_stopping_) changed_.WaitFor(lock, kLookNanos);
      if (is_stopping_) return;
    }
    const auto snapshot = snapshots_.Get();
    if (snapshot != nullptr) shards_.ProbeDue(*snapshot->slot_map());
  }
}

}  // namespace plumbago::query
