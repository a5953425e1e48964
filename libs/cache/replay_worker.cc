#include "cache/replay_worker.h"

#include <pthread.h>

#include <utility>

#include "absl/types/span.h"
#include "base/allocator.h"
#include "base/check.h"

namespace plumbago::cache {
namespace {

// How soon a worker that waits for memory sees that it has to end.
constexpr absl::Duration kLook = absl::Milliseconds(50);

// Rooms of a piece, for each point: bytes of names, and points for each run.
constexpr size_t kNameBytesPerPoint = 8;
constexpr size_t kPointsPerRun = 16;

}  // namespace

ReplayPiece::ReplayPiece(size_t point_count_max) : points_max(point_count_max) {
  series.reserve(points_max * kNameBytesPerPoint);
  numbers.reserve(points_max);
  time_seconds.reserve(points_max);
  values.reserve(points_max);
  runs.reserve(points_max / kPointsPerRun + 1);
}

bool ReplayPiece::is_full() const {
  return numbers.size() >= points_max || series.size() >= points_max * kNameBytesPerPoint ||
         runs.size() > points_max / kPointsPerRun;
}

void ReplayPiece::EndRun(int64_t received_unix_ms) {
  const size_t begin = runs.empty() ? 0 : runs.back().end;
  if (begin == numbers.size()) return;
  if (!runs.empty() && runs.back().received_unix_ms == received_unix_ms) {
    runs.back().end = numbers.size();
  } else {
    runs.push_back({.received_unix_ms = received_unix_ms, .end = numbers.size()});
  }
}

size_t ReplayPiece::memory_bytes() const {
  return base::AllocatedBytes(series.capacity() + 1) +
         base::AllocatedBytes(numbers.capacity() * sizeof(uint32_t)) +
         base::AllocatedBytes(time_seconds.capacity() * sizeof(uint32_t)) +
         base::AllocatedBytes(values.capacity() * sizeof(double)) +
         base::AllocatedBytes(runs.capacity() * sizeof(Run));
}

void ReplayPiece::Clear() {
  is_first_of_segment = false;
  series.clear();
  numbers.clear();
  time_seconds.clear();
  values.clear();
  runs.clear();
}

ReplayWorker::ReplayWorker(PointCache& cache, CacheMetrics& metrics, size_t points_max)
    : cache_(cache), metrics_(metrics) {
  references_.reserve(points_max);
  counted_bytes_ = base::AllocatedBytes(points_max * sizeof(SeriesReference));
  {
    base::MutexLock lock(mutex_);
    for (size_t i = 0; i < kPieces; ++i) {
      empty_.push_back(std::make_unique<ReplayPiece>(points_max));
      counted_bytes_ += empty_.back()->memory_bytes();
    }
  }
  cache_.memory().Add(static_cast<int64_t>(counted_bytes_));
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "replay");
}

ReplayWorker::~ReplayWorker() {
  is_stopping_.store(true);
  { base::MutexLock lock(mutex_); }  // a worker that has seen it false waits by now
  changed_.NotifyAll();
  thread_.join();
  cache_.memory().Add(-static_cast<int64_t>(counted_bytes_));
}

std::unique_ptr<ReplayPiece> ReplayWorker::TakeEmpty(absl::Duration timeout) {
  base::MutexLock lock(mutex_);
  // One wait is enough: a wake-up for nothing makes the caller come again.
  if (empty_.empty()) changed_.WaitFor(lock, absl::ToInt64Nanoseconds(timeout));
  if (empty_.empty()) return nullptr;
  std::unique_ptr<ReplayPiece> piece = std::move(empty_.back());
  empty_.pop_back();
  return piece;
}

void ReplayWorker::Put(std::unique_ptr<ReplayPiece> piece) {
  {
    base::MutexLock lock(mutex_);
    full_.push_back(std::move(piece));
  }
  changed_.NotifyAll();
}

bool ReplayWorker::WaitUntilDone(absl::Duration timeout) {
  base::MutexLock lock(mutex_);
  if (is_busy_ || !full_.empty()) changed_.WaitFor(lock, absl::ToInt64Nanoseconds(timeout));
  return !is_busy_ && full_.empty();
}

void ReplayWorker::Run() {
  while (std::unique_ptr<ReplayPiece> piece = Next()) {
    Apply(*piece);
    piece->Clear();
    {
      base::MutexLock lock(mutex_);
      is_busy_ = false;
      empty_.push_back(std::move(piece));
    }
    changed_.NotifyAll();
  }
  ForgetSeries();
}

// Null at the end.
std::unique_ptr<ReplayPiece> ReplayWorker::Next() {
  base::MutexLock lock(mutex_);
  while (full_.empty() && !is_stopping_.load()) changed_.Wait(lock);
  if (is_stopping_.load()) return nullptr;
  is_busy_ = true;
  std::unique_ptr<ReplayPiece> piece = std::move(full_.front());
  full_.pop_front();
  return piece;
}

void ReplayWorker::Apply(const ReplayPiece& piece) {
  if (piece.is_first_of_segment) ForgetSeries();
  PLUMBAGO_CHECK(journal::ParseSeries(piece.series, &names_).ok());
  for (const journal::NumberedSeries& one : names_) {
    PLUMBAGO_CHECK(one.number == dictionary_.size());
    dictionary_.push_back(cache_.Acquire(one.tenant, one.metric, PointCache::Bound::kIgnored));
  }
  references_.clear();
  for (const uint32_t number : piece.numbers) references_.push_back(dictionary_[number]);
  size_t begin = 0;
  for (const ReplayPiece::Run& run : piece.runs) {
    if (!WaitForRoom()) return;
    const size_t count = run.end - begin;
    cache_.Append(absl::MakeConstSpan(references_).subspan(begin, count),
                  absl::MakeConstSpan(piece.time_seconds).subspan(begin, count),
                  absl::MakeConstSpan(piece.values).subspan(begin, count),
                  {.journal_segment = piece.segment, .received_unix_ms = run.received_unix_ms});
    metrics_.points_replayed.Increment(static_cast<double>(count));
    point_count_.fetch_add(count, std::memory_order_relaxed);
    begin = run.end;
  }
}

// A little at a time: a store that is away must not keep the process from stopping.
bool ReplayWorker::WaitForRoom() {
  while (!is_stopping_.load(std::memory_order_relaxed)) {
    const MemoryBudget::Room room = cache_.WaitForRoom(kLook);
    if (room == MemoryBudget::Room::kYes) return true;
    if (room == MemoryBudget::Room::kStopped) break;
  }
  if (!is_stopping_.load(std::memory_order_relaxed)) is_cache_stopped_.store(true);
  return false;
}

void ReplayWorker::ForgetSeries() {
  cache_.Release(dictionary_);
  dictionary_.clear();
}

}  // namespace plumbago::cache
