// A batch as bytes for one foreign connection, in pieces: its protocol, compressed where the
// endpoint says so.
//
// A piece ends where a line or a frame does, and can be read as soon as it has arrived. One encoder
// per connection: a compressed stream begins with it. For one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "protocols/compressor.h"
#include "protocols/point_encoder.h"
#include "relay/batch.h"
#include "routing/destination.h"

namespace plumbago::relay {

class BatchEncoder {
 public:
  explicit BatchEncoder(const routing::Endpoint& endpoint);

  // Adds points of `batch` from the `first` on to `out` and returns the first one that is left; at
  // the end that is the number of points, and all of them are in `out` or refused. Lines: at most
  // `piece_bytes`, unless one alone is longer, before compression. Pickles: until there are that
  // many, with the last frame to its end.
  size_t Encode(const Batch& batch, size_t first, size_t piece_bytes, std::string* out);

  // Points that the protocol cannot express, since the last call.
  uint64_t TakeRefusedCount();

 private:
  const bool is_by_line_;
  const std::unique_ptr<protocols::PointEncoder> points_;
  const std::unique_ptr<protocols::Compressor> compressor_;  // null: none
  std::string plain_;                                        // scratch
  uint64_t refused_count_ = 0;
};

}  // namespace plumbago::relay
