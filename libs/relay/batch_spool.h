// Where the batches of one destination go while it does not take them.
//
// Thread-safe, and shared by the lanes of all reactors to that destination: what one of them finds
// out about it holds for all.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/strings/string_view.h"
#include "relay/batch.h"

namespace plumbago::relay {

class BatchSpool {
 public:
  virtual ~BatchSpool() = default;

  // Whether the destination takes nothing: batches come here, and only the replay tries whether it
  // is back.
  virtual bool is_down() const = 0;
  // `why` is for the log: "its stream failed".
  virtual void ReportDown(absl::string_view why) = 0;
  virtual void ReportUp() = 0;

  // A lane that starts (+1) or ends (-1) to bring batches here because the destination takes less
  // than arrives.
  virtual void AddSlowLanes(int by) = 0;

  // Whether so many bytes of batches would be taken now.
  virtual bool HasRoom(size_t bytes) const = 0;

  enum class Bounds {
    kKeep,
    kIgnore,  // of the memory: for what a relay that stops still holds
  };
  // Takes the batch over, to be written soon. False, with `batch` left as it is, where memory or
  // disk are at their bounds.
  virtual bool Append(std::unique_ptr<Batch>& batch, Bounds bounds) = 0;
};

}  // namespace plumbago::relay
