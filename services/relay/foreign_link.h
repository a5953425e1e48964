// What brings the batches of one stream to a foreign endpoint, on an I/O thread of ForeignSenders,
// and what it needs for that.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "base/mutex.h"
#include "foreign_destination.h"
#include "relay/batch_queue.h"
#include "routing/destination.h"

namespace plumbago::relay {

// Tells who sends that something was accepted, as long as there is one.
class AcceptedSignal {
 public:
  explicit AcceptedSignal(std::function<void()> on_accepted)
      : on_accepted_(std::move(on_accepted)) {}

  // Under the lock, so that Clear() ends the last call: it may only post.
  void Fire() {
    base::MutexLock lock(mutex_);
    if (on_accepted_ != nullptr) on_accepted_();
  }
  void Clear() {
    base::MutexLock lock(mutex_);
    on_accepted_ = nullptr;
  }

 private:
  base::Mutex mutex_;
  std::function<void()> on_accepted_ ABSL_GUARDED_BY(mutex_);
};

struct LinkParts {
  routing::Endpoint endpoint;
  ForeignDestination& destination;
  std::shared_ptr<BatchQueue> queue;       // shared with the stream
  std::shared_ptr<AcceptedSignal> signal;  // shared with the stream
};

class ForeignLink {
 public:
  virtual ~ForeignLink() = default;

  // There may be something to send. Thread-safe.
  virtual void Wake() = 0;
  // The stream is gone: so is the connection, soon. Thread-safe.
  virtual void Close() = 0;
};

// Until the next attempt after so many failures in a row: 100 ms, doubled up to 5 s, of which a
// random half is left out so that many relays do not come back at once.
absl::Duration BackoffAfter(int failure_count);

}  // namespace plumbago::relay
