// Inflates compressed streams: gzip, snappy's framing format, zstd. Any number of streams one after
// the other, as senders make them that flush by closing a stream.
//
// Against decompression bombs the output is paid for by the input: each byte of input gives credit
// for `ratio_max` bytes of output, credit is never above `credit_bytes_max`, and a stream that
// wants more is refused. So a call of Feed gives at most credit_bytes_max + ratio_max * its size,
// however long the stream has behaved. Memory per stream: 40 KiB and 64 KiB of output for gzip, 150
// KiB for snappy, the window (at most 2^window_log_max) for zstd. For one thread.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace plumbago::protocols {

enum class Compression : uint8_t { kGzip, kSnappy, kZstd };

struct DecompressorLimits {
  uint32_t ratio_max = 100;  // plaintext points come to 5 to 30
  size_t credit_bytes_max = size_t{16} << 20;
  int window_log_max = 23;  // zstd only: 8 MiB, what its levels up to 19 use
};

class Decompressor {
 public:
  // Takes output in pieces of at most 64 KiB, valid during the call.
  using Output = absl::FunctionRef<void(absl::string_view)>;

  virtual ~Decompressor() = default;

  // Hands on all that `piece` makes known. After an error, which holds for ever, the connection has
  // to be closed: InvalidArgument where the bytes are not of the format, DataLoss where a checksum
  // does not match, ResourceExhausted over a limit. What was handed on before is good.
  absl::Status Feed(absl::string_view piece, Output output);

  // The end of the input: InvalidArgument within a stream or block.
  absl::Status Finish() const;

 protected:
  explicit Decompressor(const DecompressorLimits& limits) : limits_(limits) {}

  // At most kSliceBytesMax at a time. Calls HandOn.
  virtual absl::Status Inflate(absl::string_view slice, Output output) = 0;
  virtual bool IsBetweenStreams() const = 0;

  // Output passes through here. ResourceExhausted where the credit is used up.
  absl::Status HandOn(absl::string_view bytes, Output output);

 private:
  const DecompressorLimits limits_;
  uint64_t credit_bytes_ = 0;
  absl::Status status_;
};

inline constexpr size_t kDecompressedPieceBytesMax = size_t{64} << 10;

std::unique_ptr<Decompressor> MakeDecompressor(Compression compression,
                                               const DecompressorLimits& limits = {});

}  // namespace plumbago::protocols
