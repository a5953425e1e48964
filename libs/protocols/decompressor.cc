#include "protocols/decompressor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "protocols/internal/stream_decompressors.h"

namespace plumbago::protocols {
namespace {

// So that credit is given in the measure in which input is used.
constexpr size_t kSliceBytesMax = 16384;

}  // namespace

absl::Status Decompressor::Feed(absl::string_view piece, Output output) {
  while (status_.ok() && !piece.empty()) {
    const absl::string_view slice = piece.substr(0, kSliceBytesMax);
    piece.remove_prefix(slice.size());
    credit_bytes_ = std::min<uint64_t>(credit_bytes_ + slice.size() * uint64_t{limits_.ratio_max},
                                       limits_.credit_bytes_max);
    status_ = Inflate(slice, output);
  }
  return status_;
}

absl::Status Decompressor::Finish() const {
  if (!status_.ok() || IsBetweenStreams()) return status_;
  return absl::InvalidArgumentError("malformed: the input ends within a compressed stream");
}

absl::Status Decompressor::HandOn(absl::string_view bytes, Output output) {
  if (bytes.size() > credit_bytes_) {
    return absl::ResourceExhaustedError(absl::StrCat("too_large: the input inflates to more than ",
                                                     limits_.ratio_max,
                                                     " times its size; points do not do that"));
  }
  credit_bytes_ -= bytes.size();
  if (!bytes.empty()) output(bytes);
  return absl::OkStatus();
}

std::unique_ptr<Decompressor> MakeDecompressor(Compression compression,
                                               const DecompressorLimits& limits) {
  switch (compression) {
    case Compression::kGzip:
      return internal::MakeGzipDecompressor(limits);
    case Compression::kSnappy:
      return internal::MakeSnappyDecompressor(limits);
    case Compression::kZstd:
      return internal::MakeZstdDecompressor(limits);
  }
  return nullptr;
}

}  // namespace plumbago::protocols
