#include "protocols/frame_cutter.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace plumbago::protocols {
namespace {

constexpr size_t kLengthBytes = 4;
// A buffer up to this size is kept for the next frame: most senders' frames are cut every time.
constexpr size_t kKeptBytesMax = 16384;

uint32_t LoadBigEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

}  // namespace

absl::Status FrameCutter::Feed(absl::string_view piece,
                               absl::FunctionRef<void(absl::string_view)> on_frame) {
  while (status_.ok() && !piece.empty()) {
    if (carried_.empty() && piece.size() >= kLengthBytes) {
      const uint32_t length = LoadBigEndian(piece);
      if (!CheckLength(length).ok()) break;
      if (piece.size() - kLengthBytes >= length) {
        on_frame(piece.substr(kLengthBytes, length));
        piece.remove_prefix(kLengthBytes + length);
        continue;
      }
    }
    if (!Carry(kLengthBytes, &piece)) break;
    const uint32_t length = LoadBigEndian(carried_);
    if (!CheckLength(length).ok()) break;
    if (!Carry(kLengthBytes + length, &piece)) break;
    on_frame(absl::string_view(carried_).substr(kLengthBytes));
    carried_.clear();
    if (carried_.capacity() > kKeptBytesMax) std::string().swap(carried_);
  }
  return status_;
}

bool FrameCutter::Carry(size_t size, absl::string_view* piece) {
  const size_t taken = std::min(size - std::min(size, carried_.size()), piece->size());
  carried_.append(piece->data(), taken);
  piece->remove_prefix(taken);
  return carried_.size() >= size;
}

absl::Status FrameCutter::CheckLength(uint32_t length) {
  if (length > frame_bytes_max_) {
    status_ = absl::ResourceExhaustedError(
        absl::StrCat("too_large: a frame announces ", length, " bytes; at most ", frame_bytes_max_,
                     " are taken: send smaller batches, or plaintext goes to another port"));
    std::string().swap(carried_);
  }
  return status_;
}

}  // namespace plumbago::protocols
