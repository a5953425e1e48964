#include "whisper/compressed_block.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.h"
#include "base/status.h"
#include "whisper/internal/encoding.h"

namespace plumbago::whisper {
namespace {

// The most significant bit of a byte comes first. Past the end zeroes are read.
class BitReader {
 public:
  BitReader(absl::string_view bytes, uint64_t bit_count) : bytes_(bytes), bits_left_(bit_count) {}

  bool is_at_end() const { return bits_left_ == 0; }
  // More was read than there is.
  bool is_overrun() const { return is_overrun_; }

  bool ReadBit() {
    if (bits_left_ == 0) {
      is_overrun_ = true;
      return false;
    }
    --bits_left_;
    const bool bit = (static_cast<uint8_t>(bytes_[position_ / 8]) >> (7 - position_ % 8)) & 1;
    ++position_;
    return bit;
  }

  // A number of `count` <= 64 bits, its least significant 8 bits first; of the last, shorter group
  // too the most significant bit comes first.
  uint64_t Read(int count) {
    uint64_t number = 0;
    for (int shift = 0; shift < count; shift += 8) {
      uint64_t group = 0;
      for (int i = std::min(8, count - shift); i > 0; --i) group = group << 1 | ReadBit();
      number |= group << shift;
    }
    return number;
  }

 private:
  const absl::string_view bytes_;
  uint64_t bits_left_;
  uint64_t position_ = 0;
  bool is_overrun_ = false;
};

absl::Status Damaged() {
  return absl::DataLossError("damaged compressed whisper file: a block holds no points");
}

class Decoder {
 public:
  Decoder(absl::string_view block, uint64_t bit_count, uint32_t seconds_per_point)
      : bits_(block.substr(kPointBytes), bit_count - kPointBytes * 8),
        seconds_per_point_(seconds_per_point) {
    // The first point is not compressed.
    previous_ = {.time = internal::LoadU32(block.data()),
                 .value = internal::LoadDouble(block.data() + 4)};
    before_previous_ = previous_;
  }

  absl::StatusOr<std::vector<Point>> Run() {
    std::vector<Point> points = {previous_};
    while (!bits_.is_at_end()) {
      const int64_t time = ReadTime();
      // The end mark, or padding too short for one.
      if (time == 0 || bits_.is_overrun()) break;
      uint64_t value = 0;
      if (time < previous_.time || time > std::numeric_limits<uint32_t>::max() ||
          !ReadValue(&value)) {
        return Damaged();
      }
      if (bits_.is_overrun()) break;
      before_previous_ = previous_;
      previous_ = {.time = static_cast<uint32_t>(time), .value = std::bit_cast<double>(value)};
      points.push_back(previous_);
    }
    return points;
  }

 private:
  // 0 for the end mark. Times differ as the two before them do, corrected by some steps; or they
  // are given whole.
  int64_t ReadTime() {
    constexpr int kCorrectionBits[] = {0, 7, 9, 12};  // after 0, 10, 110 and 1110
    int ones = 0;
    while (ones < 4 && bits_.ReadBit()) ++ones;
    if (ones == 4) return static_cast<int64_t>(bits_.Read(32));
    int64_t correction = 0;
    if (ones > 0) {
      const int bit_count = kCorrectionBits[ones];
      const auto coded = static_cast<int64_t>(bits_.Read(bit_count));
      const int64_t sign_bit = int64_t{1} << (bit_count - 1);
      correction = (coded & sign_bit) != 0 ? -(coded & (sign_bit - 1)) : coded;
    }
    // At least 1, so that it is no end mark.
    return std::max<int64_t>(1, 2 * int64_t{previous_.time} - int64_t{before_previous_.time} +
                                    correction * seconds_per_point_);
  }

  // Values are the one before, with some bits changed. False where the bits cannot be that.
  bool ReadValue(uint64_t* value) {
    const auto previous = std::bit_cast<uint64_t>(previous_.value);
    *value = previous;
    if (!bits_.ReadBit()) return true;
    uint64_t changed = 0;
    const bool is_window_new = bits_.ReadBit();
    if (!(is_window_new ? ReadNewWindow(&changed) : ReadOldWindow(previous, &changed))) {
      return false;
    }
    *value = previous ^ changed;
    return true;
  }

  // The bits that changed last time are those that may change now.
  bool ReadOldWindow(uint64_t previous, uint64_t* changed) {
    const uint64_t last = previous ^ std::bit_cast<uint64_t>(before_previous_.value);
    if (last == 0) return false;
    const int trailing = std::countr_zero(last);
    *changed = bits_.Read(64 - std::countl_zero(last) - trailing) << trailing;
    return true;
  }

  bool ReadNewWindow(uint64_t* changed) {
    const auto leading = static_cast<int>(bits_.Read(5));
    const auto length = static_cast<int>(bits_.Read(6));
    constexpr int kWhole = 63;  // all 64 bits
    if (length == kWhole) {
      *changed = bits_.Read(64);
      return true;
    }
    if (length == 0 || leading + length > 64) return false;
    *changed = bits_.Read(length) << (64 - leading - length);
    return true;
  }

  BitReader bits_;
  const int64_t seconds_per_point_;
  Point previous_;
  Point before_previous_;
};

}  // namespace

absl::StatusOr<std::vector<Point>> DecodeBlock(absl::string_view block, uint64_t bit_count,
                                               uint32_t seconds_per_point) {
  PLUMBAGO_CHECK(bit_count <= block.size() * 8);
  if (bit_count < kPointBytes * 8) return Damaged();
  return Decoder(block, bit_count, seconds_per_point).Run();
}

}  // namespace plumbago::whisper
