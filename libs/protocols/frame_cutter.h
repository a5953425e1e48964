// Cuts a byte stream into frames: a length of four bytes, most significant first, then the payload.
// Carbon's pickle and protobuf listeners speak it (Twisted's Int32StringReceiver).
//
// A frame that lies within one piece is handed on without a copy. Otherwise the bytes that have
// arrived are kept, never room for what was only announced, and given back after the frame. For one
// thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace plumbago::protocols {

// carbon's PICKLE_RECEIVER_MAX_LENGTH.
inline constexpr size_t kFrameBytesMaxDefault = size_t{1} << 20;

class FrameCutter {
 public:
  explicit FrameCutter(size_t frame_bytes_max = kFrameBytesMaxDefault)
      : frame_bytes_max_(frame_bytes_max) {}

  // Calls `on_frame` with each payload that is complete, in order; an empty frame is an empty view.
  // ResourceExhausted for a frame over the bound, from then on for ever: the stream cannot be read
  // any further and the connection has to be closed.
  absl::Status Feed(absl::string_view piece, absl::FunctionRef<void(absl::string_view)> on_frame);

  // Memory held for an unfinished frame.
  size_t buffered_bytes() const { return carried_.capacity(); }
  // False while a frame is unfinished.
  bool is_between_frames() const { return carried_.empty(); }

 private:
  // Moves bytes from `piece` until carried_ has `size` of them; false where piece ends before.
  bool Carry(size_t size, absl::string_view* piece);
  absl::Status CheckLength(uint32_t length);

  const size_t frame_bytes_max_;
  std::string carried_;  // length and begin of an unfinished frame
  absl::Status status_;
};

}  // namespace plumbago::protocols
