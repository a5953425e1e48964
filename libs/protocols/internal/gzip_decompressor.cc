#include <zlib.h>

#include <array>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "protocols/internal/stream_decompressors.h"

namespace plumbago::protocols::internal {
namespace {

// 15 bits of window and, by the 16, gzip's header instead of zlib's (zlib.h, inflateInit2).
constexpr int kWindowBits = 15 + 16;

class GzipDecompressor final : public Decompressor {
 public:
  explicit GzipDecompressor(const DecompressorLimits& limits) : Decompressor(limits) {
    PLUMBAGO_CHECK(inflateInit2(&stream_, kWindowBits) == Z_OK);
  }
  ~GzipDecompressor() override { inflateEnd(&stream_); }

 private:
  absl::Status Inflate(absl::string_view slice, Output output) override;
  bool IsBetweenStreams() const override { return is_between_streams_; }

  // One call of zlib. `*is_full` says that there may be more output without more input.
  absl::Status Step(Output output, bool* is_full);

  z_stream stream_{};
  bool is_between_streams_ = true;
};

absl::Status GzipDecompressor::Inflate(absl::string_view slice, Output output) {
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(slice.data()));
  stream_.avail_in = static_cast<uInt>(slice.size());
  bool is_full = false;
  while (stream_.avail_in > 0 || is_full) {
    if (absl::Status status = Step(output, &is_full); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status GzipDecompressor::Step(Output output, bool* is_full) {
  std::array<char, kDecompressedPieceBytesMax> buffer;  // not a member: connections are many
  stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
  stream_.avail_out = static_cast<uInt>(buffer.size());
  is_between_streams_ = false;
  const int result = inflate(&stream_, Z_NO_FLUSH);
  if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
    const absl::string_view what = stream_.msg == nullptr ? "unreadable" : stream_.msg;
    const bool is_checksum = what == "incorrect data check" || what == "incorrect length check";
    const std::string message = absl::StrCat("malformed: gzip: ", what);
    return is_checksum ? absl::DataLossError(message) : absl::InvalidArgumentError(message);
  }
  *is_full = stream_.avail_out == 0 && result == Z_OK;
  const size_t size = buffer.size() - stream_.avail_out;
  if (result == Z_STREAM_END) {
    inflateReset(&stream_);
    is_between_streams_ = true;
  }
  return HandOn(absl::string_view(buffer.data(), size), output);
}

}  // namespace

std::unique_ptr<Decompressor> MakeGzipDecompressor(const DecompressorLimits& limits) {
  return std::make_unique<GzipDecompressor>(limits);
}

}  // namespace plumbago::protocols::internal
