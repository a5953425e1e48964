#include "relay/batch_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace plumbago::relay {

void BatchQueue::Push(std::unique_ptr<Batch> batch) {
  bytes_.fetch_add(batch->memory_bytes());
  base::MutexLock lock(mutex_);
  batches_.push_back(std::move(batch));
}

std::vector<std::unique_ptr<Batch>> BatchQueue::TakeBack() {
  base::MutexLock lock(mutex_);
  while (loan_count_ > 0) returned_.Wait(lock);
  ++generation_;
  std::vector<std::unique_ptr<Batch>> taken(std::make_move_iterator(batches_.begin()),
                                            std::make_move_iterator(batches_.end()));
  batches_.clear();
  bytes_.store(0);
  is_failing_.store(false);
  return taken;
}

uint64_t BatchQueue::generation() const {
  base::MutexLock lock(mutex_);
  return generation_;
}

BatchQueue::Loan::Loan(BatchQueue& queue, uint64_t generation, size_t index) : queue_(queue) {
  base::MutexLock lock(queue_.mutex_);
  if (generation != queue_.generation_ || index >= queue_.batches_.size()) return;
  batch_ = queue_.batches_[index].get();
  ++queue_.loan_count_;
}

BatchQueue::Loan::~Loan() {
  if (batch_ == nullptr) return;
  {
    base::MutexLock lock(queue_.mutex_);
    --queue_.loan_count_;
  }
  queue_.returned_.NotifyAll();
}

BatchQueue::Accepted BatchQueue::Accept(uint64_t generation, size_t count) {
  std::vector<std::unique_ptr<Batch>> accepted;
  {
    base::MutexLock lock(mutex_);
    if (generation != generation_) return {};
    for (; count > 0 && !batches_.empty(); --count) {
      bytes_.fetch_sub(batches_.front()->memory_bytes());
      accepted.push_back(std::move(batches_.front()));
      batches_.pop_front();
    }
    acknowledged_count_.fetch_add(accepted.size());
    if (!accepted.empty()) is_failing_.store(false);
  }
  Accepted result{.batch_count = accepted.size()};
  for (const auto& batch : accepted) {
    result.point_count += batch->point_count();
    result.bytes += batch->memory_bytes();
    if (batch->delivery != nullptr) batch->delivery->OnBatchAccepted();
  }
  return result;
}

}  // namespace plumbago::relay
