// The end of a lane: brings batches to the shard's stream, or to its spool while the shard does not
// take them.
//
//   up     batches go to the stream
//   slow   the stream holds `bytes_max` while other shards keep up: new batches go to the spool
//   until
//          the stream holds a quarter of it
//   down   the stream failed, or nothing was accepted for `stall_timeout`: what the stream holds
//   and
//          what comes goes to the spool, until the shard accepts something again. Holds for all
//          lanes to the shard
//
// What the cache refuses for want of memory goes to the spool too, or waits here until the cache is
// to be asked again. Where the spool takes no more, the stream holds the batches. Without a spool a
// lane is always up. For one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "relay/batch.h"
#include "relay/batch_spool.h"

namespace plumbago::relay {

class LaneSender {
 public:
  // `spool` may be null. It and `clock` must outlive the sender.
  LaneSender(std::unique_ptr<BatchStream> stream, BatchSpool* spool, base::Clock& clock,
             absl::Duration stall_timeout);
  ~LaneSender();
  LaneSender(const LaneSender&) = delete;
  LaneSender& operator=(const LaneSender&) = delete;

  void SetBytesMax(size_t bytes_max) { bytes_max_ = bytes_max; }

  void Send(std::unique_ptr<Batch> batch);

  // Looks after the shard. Call it often, as against `stall_timeout`.
  void Check();

  enum class Room {
    kYes,
    kFull,  // the stream holds `bytes_max`, and the spool is not in use
    kNone,  // the stream holds `bytes_max`, and the spool takes no more
  };
  Room room() const;

  // From kFull to the spool: the shard takes less than arrives. False without a spool.
  bool BeginSlow();
  bool is_slow() const { return is_slow_; }
  // Whether the shard keeps up with what arrives.
  bool keeps_up() const;
  // Whether it takes what it is sent, as far as is known: not down, its stream not broken.
  bool is_up() const;

  // Memory of batches that are not accepted, without the spool's.
  size_t held_bytes() const { return stream_->unacknowledged_bytes() + refused_bytes_; }

  // Points that the cache has refused and that wait here.
  size_t refused_point_count() const { return refused_point_count_; }

  // See BatchStream.
  bool TakeFreshNamesRequest() { return stream_->TakeFreshNamesRequest(); }

  std::vector<std::unique_ptr<Batch>> TakeBack();
  // Gives everything to the spool, whatever its bounds on memory. Without one nothing happens.
  void SpoolEverything();

 private:
  bool is_down() const { return spool_ != nullptr && spool_->is_down(); }
  // A batch that the cache has refused, and when (monotonic) it is to be sent again.
  struct Refused {
    std::unique_ptr<Batch> batch;
    absl::Duration retry_at;
  };

  void CollectRefused();
  void FollowProgress();
  void MoveToSpool();
  void EndSlow();

  const std::unique_ptr<BatchStream> stream_;
  BatchSpool* const spool_;
  base::Clock& clock_;
  const absl::Duration stall_timeout_;
  size_t bytes_max_ = SIZE_MAX;
  std::deque<Refused> refused_;
  size_t refused_bytes_ = 0;
  size_t refused_point_count_ = 0;
  bool is_slow_ = false;
  bool was_down_ = false;            // at the last Check()
  uint64_t acknowledged_count_ = 0;  // at the last Check()
  absl::Duration progress_at_;       // monotonic: something was accepted, or nothing was held
};

}  // namespace plumbago::relay
