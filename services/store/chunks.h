// A response of many parts, sent in messages of about kMessageBytes. One thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <cstdint>

namespace plumbago::store_service {

// Large enough that a message costs little, small enough for any receiver's limit.
inline constexpr size_t kMessageBytes = 1 << 20;

template <typename Response>
class Chunks {
 public:
  // The writer must outlive this.
  Chunks(grpc::ServerWriter<Response>& writer, uint64_t epoch) : writer_(writer), epoch_(epoch) {}

  Response& message() { return message_; }

  // After adding about `byte_count` to message(). False: the caller is gone.
  bool Added(size_t byte_count) {
    byte_count_ += byte_count;
    return byte_count_ < kMessageBytes || Send();
  }

  // Sends the rest. False: the caller is gone.
  bool Flush() { return byte_count_ == 0 || Send(); }

 private:
  bool Send() {
    message_.set_epoch(epoch_);
    const bool is_sent = writer_.Write(message_);
    message_.Clear();
    byte_count_ = 0;
    return is_sent;
  }

  grpc::ServerWriter<Response>& writer_;
  const uint64_t epoch_;
  Response message_;
  size_t byte_count_ = 0;
};

}  // namespace plumbago::store_service
