#include <zstd.h>
#include <zstd_errors.h>

#include <array>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "protocols/internal/stream_decompressors.h"

namespace plumbago::protocols::internal {
namespace {

class ZstdDecompressor final : public Decompressor {
 public:
  explicit ZstdDecompressor(const DecompressorLimits& limits)
      : Decompressor(limits), context_(ZSTD_createDCtx()) {
    PLUMBAGO_CHECK(context_ != nullptr);
    const size_t result =
        ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, limits.window_log_max);
    PLUMBAGO_CHECK(!ZSTD_isError(result));
  }
  ~ZstdDecompressor() override { ZSTD_freeDCtx(context_); }

 private:
  absl::Status Inflate(absl::string_view slice, Output output) override;
  bool IsBetweenStreams() const override { return is_between_streams_; }

  ZSTD_DCtx* const context_;  // owned
  bool is_between_streams_ = true;
};

absl::Status ErrorStatus(size_t result) {
  const std::string message = absl::StrCat("malformed: zstd: ", ZSTD_getErrorName(result));
  switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_frameParameter_windowTooLarge:
      return absl::ResourceExhaustedError(
          absl::StrCat("too_large: zstd: the window is over the bound; compress without --long"));
    case ZSTD_error_checksum_wrong:
      return absl::DataLossError(message);
    default:
      return absl::InvalidArgumentError(message);
  }
}

absl::Status ZstdDecompressor::Inflate(absl::string_view slice, Output output) {
  std::array<char, kDecompressedPieceBytesMax> buffer;  // not a member: connections are many
  ZSTD_inBuffer input{slice.data(), slice.size(), 0};
  bool is_full = false;
  while (input.pos < input.size || is_full) {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    const size_t result = ZSTD_decompressStream(context_, &out, &input);
    if (ZSTD_isError(result)) return ErrorStatus(result);
    is_between_streams_ = result == 0;
    is_full = out.pos == out.size && result != 0;
    const absl::string_view bytes(buffer.data(), out.pos);
    if (absl::Status status = HandOn(bytes, output); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<Decompressor> MakeZstdDecompressor(const DecompressorLimits& limits) {
  return std::make_unique<ZstdDecompressor>(limits);
}

}  // namespace plumbago::protocols::internal
