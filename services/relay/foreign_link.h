// What brings the batches of one stream to a foreign endpoint, on an I/O thread of ForeignSenders,
// and what it needs for that.
#pragma once

#include <memory>

#include "absl/time/time.h"
#include "foreign_destination.h"
#include "relay/batch_queue.h"
#include "routing/destination.h"

namespace plumbago::relay {

struct LinkParts {
  routing::Endpoint endpoint;
  ForeignDestination& destination;
  std::shared_ptr<BatchQueue> queue;  // shared with the stream
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
