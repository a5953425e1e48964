// Snappy's framing format: https://github.com/google/snappy/blob/main/framing_format.txt
#include <snappy.h>

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "protocols/internal/crc32c.h"
#include "protocols/internal/stream_decompressors.h"

namespace plumbago::protocols::internal {
namespace {

constexpr size_t kHeaderBytes = 4;  // type, then the length in three bytes, least significant first
constexpr size_t kChecksumBytes = 4;  // of the uncompressed data
constexpr size_t kBlockBytesMax = 65536;
constexpr size_t kKeptBytesMax = 4096;  // between chunks, of the memory of a connection
constexpr absl::string_view kStreamIdentifier = "sNaPpY";
constexpr uint8_t kCompressedChunk = 0x00;
constexpr uint8_t kUncompressedChunk = 0x01;
constexpr uint8_t kIdentifierChunk = 0xff;
constexpr uint8_t kFirstSkippableChunk = 0x80;

uint32_t LoadLittleEndian(absl::string_view bytes, size_t size) {
  uint32_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

uint32_t MaskedCrc(absl::string_view data) {
  const uint32_t crc = Crc32c(data);
  return (crc >> 15 | crc << 17) + 0xa282ead8;
}

class SnappyDecompressor final : public Decompressor {
 public:
  explicit SnappyDecompressor(const DecompressorLimits& limits) : Decompressor(limits) {}

 private:
  absl::Status Inflate(absl::string_view slice, Output output) override;
  bool IsBetweenStreams() const override { return chunk_.empty() && skip_bytes_ == 0; }

  // The header in chunk_ is complete: whether such a chunk may be.
  absl::Status CheckHeader();
  absl::Status OnChunk(Output output);
  // Moves bytes from `slice` until chunk_ has `size` of them; false where slice ends before.
  bool Collect(size_t size, absl::string_view* slice);

  std::string chunk_;      // a chunk with its header, as far as it has come
  size_t skip_bytes_ = 0;  // left of a chunk that is passed over
  bool has_identifier_ = false;
};

absl::Status SnappyDecompressor::Inflate(absl::string_view slice, Output output) {
  while (!slice.empty()) {
    if (skip_bytes_ > 0) {
      const size_t skipped = std::min(skip_bytes_, slice.size());
      slice.remove_prefix(skipped);
      skip_bytes_ -= skipped;
      continue;
    }
    if (!Collect(kHeaderBytes, &slice)) break;
    if (absl::Status status = CheckHeader(); !status.ok()) return status;
    const uint32_t length = LoadLittleEndian(absl::string_view(chunk_).substr(1), 3);
    const auto type = static_cast<uint8_t>(chunk_[0]);
    if (type >= kFirstSkippableChunk && type != kIdentifierChunk) {
      skip_bytes_ = length;
      chunk_.clear();
      continue;
    }
    if (!Collect(kHeaderBytes + length, &slice)) break;
    if (absl::Status status = OnChunk(output); !status.ok()) return status;
    chunk_.clear();
    if (chunk_.capacity() > kKeptBytesMax) std::string().swap(chunk_);
  }
  return absl::OkStatus();
}

bool SnappyDecompressor::Collect(size_t size, absl::string_view* slice) {
  const size_t taken = std::min(size - std::min(size, chunk_.size()), slice->size());
  chunk_.append(slice->data(), taken);
  slice->remove_prefix(taken);
  return chunk_.size() >= size;
}

absl::Status SnappyDecompressor::CheckHeader() {
  const auto type = static_cast<uint8_t>(chunk_[0]);
  const uint32_t length = LoadLittleEndian(absl::string_view(chunk_).substr(1), 3);
  if (type == kIdentifierChunk) {
    if (length == kStreamIdentifier.size()) return absl::OkStatus();
    return absl::InvalidArgumentError("malformed: snappy: a stream identifier of another length");
  }
  if (!has_identifier_) {
    return absl::InvalidArgumentError(
        "malformed: snappy: no stream identifier; is it the block format, without framing?");
  }
  if (type >= kFirstSkippableChunk) return absl::OkStatus();
  if (type > kUncompressedChunk) {
    return absl::InvalidArgumentError(
        absl::StrCat("malformed: snappy: a chunk of the reserved type ", type));
  }
  const size_t data_bytes_max =
      type == kCompressedChunk ? snappy::MaxCompressedLength(kBlockBytesMax) : kBlockBytesMax;
  if (length < kChecksumBytes || length > kChecksumBytes + data_bytes_max) {
    return absl::InvalidArgumentError(
        absl::StrCat("malformed: snappy: a chunk of ", length, " bytes"));
  }
  return absl::OkStatus();
}

absl::Status SnappyDecompressor::OnChunk(Output output) {
  const auto type = static_cast<uint8_t>(chunk_[0]);
  const absl::string_view body = absl::string_view(chunk_).substr(kHeaderBytes);
  if (type == kIdentifierChunk) {
    if (body != kStreamIdentifier) {
      return absl::InvalidArgumentError("malformed: snappy: another stream identifier");
    }
    has_identifier_ = true;
    return absl::OkStatus();
  }
  std::array<char, kBlockBytesMax> buffer;  // not a member: connections are many
  absl::string_view data = body.substr(kChecksumBytes);
  if (type == kCompressedChunk) {
    size_t size = 0;
    if (!snappy::GetUncompressedLength(data.data(), data.size(), &size) || size > buffer.size() ||
        !snappy::RawUncompress(data.data(), data.size(), buffer.data())) {
      return absl::InvalidArgumentError("malformed: snappy: a block that cannot be inflated");
    }
    data = absl::string_view(buffer.data(), size);
  }
  if (MaskedCrc(data) != LoadLittleEndian(body, kChecksumBytes)) {
    return absl::DataLossError("malformed: snappy: a block with a wrong checksum");
  }
  return HandOn(data, output);
}

}  // namespace

std::unique_ptr<Decompressor> MakeSnappyDecompressor(const DecompressorLimits& limits) {
  return std::make_unique<SnappyDecompressor>(limits);
}

}  // namespace plumbago::protocols::internal
