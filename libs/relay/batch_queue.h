// The batches of one stream between who sends them and a link of another thread that brings them to
// a peer: in order, held until accepted, and given back on demand.
//
// The link borrows batches by their place in the queue, for as long as it encodes from them, which
// must be short: TakeBack() and Close() wait for it. After TakeBack() the queue is of another
// generation, and what the link still says about the one before changes nothing. Thread-safe; the
// functions of the sender belong to one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "relay/batch.h"

namespace plumbago::relay {

class BatchQueue {
 public:
  // ---- the sender's ----

  void Push(std::unique_ptr<Batch> batch);
  std::vector<std::unique_ptr<Batch>> TakeBack();
  // From here on there is nothing to borrow. Drops what is held.
  void Close() { TakeBack(); }

  size_t unacknowledged_bytes() const { return bytes_.load(); }
  uint64_t acknowledged_count() const { return acknowledged_count_.load(); }
  bool is_failing() const { return is_failing_.load(); }

  // ---- the link's ----

  uint64_t generation() const;
  bool is_empty() const { return bytes_.load() == 0; }

  // A batch, or none where the queue ends before `index` or is of another generation.
  class Loan {
   public:
    Loan(BatchQueue& queue, uint64_t generation, size_t index);
    ~Loan();
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

    const Batch* batch() const { return batch_; }

   private:
    BatchQueue& queue_;
    const Batch* batch_ = nullptr;
  };

  struct Accepted {
    size_t batch_count = 0;
    size_t point_count = 0;
    size_t bytes = 0;
  };
  // The peer has the first `count` batches: they go, and their deliveries are told.
  Accepted Accept(uint64_t generation, size_t count);
  // The connection failed; until something is accepted or taken back.
  void ReportFailure() { is_failing_.store(true); }

 private:
  mutable base::Mutex mutex_;
  base::CondVar returned_;
  std::deque<std::unique_ptr<Batch>> batches_ ABSL_GUARDED_BY(mutex_);
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
  int loan_count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<size_t> bytes_{0};
  std::atomic<uint64_t> acknowledged_count_{0};
  std::atomic<bool> is_failing_{false};
};

}  // namespace plumbago::relay
