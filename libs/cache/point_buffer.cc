#include "cache/point_buffer.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/allocator.h"
#include "base/check.h"
#include "cache/decimal_delta.h"

namespace plumbago::cache {
namespace {

// A point begins with a byte: which bytes of the value differ from the one before, or in how many
// bytes its decimal difference is told (kShapes), and whether time and arrival are other than
// expected, which then follow in this order.
constexpr uint8_t kTimeFollows = 0x40;
constexpr uint8_t kArrivalFollows = 0x80;
constexpr uint8_t kShapeMask = 0x3f;

constexpr size_t kBytesMin = 32;
// More is not taken on the chance that as many points come again.
constexpr uint32_t kLikelyBytesMax = 1024;
// Encode writes values 8 bytes at a time.
constexpr size_t kSlackBytes = 7;
// With fewer points an index is not worth its memory.
constexpr uint32_t kIndexPointsMin = 128;

constexpr uint8_t kDifferenceBytesMax = 4;
// After so many values in a row without a decimal difference only every 64th is looked at.
constexpr uint8_t kMissesMax = 4;
constexpr uint8_t kMissesEnd = kMissesMax + 64;

// `count` bytes that differ, above `trailing` low ones that do not; or of a difference of so many
// decimals.
struct Shape {
  uint8_t trailing = 0;
  uint8_t count = 0;
  int8_t decimals = -1;  // -1: bytes that differ
};
struct Shapes {
  std::array<Shape, 64> by_code{};
  std::array<std::array<uint8_t, 9>, 8> code{};  // by trailing and count
  std::array<std::array<uint8_t, kDifferenceBytesMax + 1>, DecimalDelta::kDecimalsMax + 1>
      decimal_code{};
};
constexpr Shapes MakeShapes() {
  Shapes shapes;
  uint8_t next = 1;  // 0: nothing differs
  for (uint8_t trailing = 0; trailing < 8; ++trailing) {
    for (uint8_t count = 1; count + trailing <= 8; ++count) {
      shapes.by_code[next] = {trailing, count};
      shapes.code[trailing][count] = next++;
    }
  }
  for (uint8_t decimals = 0; decimals <= DecimalDelta::kDecimalsMax; ++decimals) {
    for (uint8_t count = 1; count <= kDifferenceBytesMax; ++count) {
      shapes.by_code[next] = {0, count, static_cast<int8_t>(decimals)};
      shapes.decimal_code[decimals][count] = next++;
    }
  }
  return shapes;
}
constexpr Shapes kShapes = MakeShapes();

uint32_t ZigZag(uint32_t difference) { return (difference << 1) ^ (0u - (difference >> 31)); }
uint32_t UnZigZag(uint32_t coded) { return (coded >> 1) ^ (0u - (coded & 1)); }

uint8_t BytesOf(uint64_t value) { return static_cast<uint8_t>(8 - __builtin_clzll(value | 1) / 8); }

double ToDouble(uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

uint8_t* PutVarint(uint32_t value, uint8_t* out) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<uint8_t>(value | 0x80);
  *out++ = static_cast<uint8_t>(value);
  return out;
}
uint32_t GetVarint(const uint8_t*& in) {
  uint32_t value = 0;
  for (int shift = 0;; shift += 7) {
    const uint8_t byte = *in++;
    value |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are copied as they are");

}  // namespace

PointBuffer::~PointBuffer() { std::free(data_); }

void PointBuffer::Append(uint32_t time_seconds, double value, uint32_t arrival_ms) {
  State point{.time_seconds = time_seconds, .arrival_ms = arrival_ms};
  std::memcpy(&point.value_bits, &value, sizeof(value));
  if (size_ == 0) {
    front_ = tail_ = point;  // so that the first one is as expected
    time_max_seconds_ = time_seconds;
    latest_arrival_ms_ = arrival_ms;
  }
  const bool fits = used_bytes_ + kPointBytesMax + kSlackBytes <= capacity_bytes_;
  if (fits) {
    used_bytes_ += static_cast<uint32_t>(Encode(point, data_ + used_bytes_));
  } else {
    uint8_t bytes[kPointBytesMax + kSlackBytes];
    const size_t count = Encode(point, bytes);
    if (used_bytes_ + count > capacity_bytes_) {
      const size_t grown_bytes = used_bytes_ + std::max<size_t>(count, used_bytes_ / 2);
      const size_t least_bytes = data_ == nullptr ? likely_bytes_ : 0;
      Reallocate(std::max({kBytesMin, grown_bytes, least_bytes}));
    }
    std::memcpy(data_ + used_bytes_, bytes, count);
    used_bytes_ += static_cast<uint32_t>(count);
  }
  time_max_seconds_ = std::max(time_max_seconds_, time_seconds);
  if (IsLaterArrival(arrival_ms, latest_arrival_ms_)) latest_arrival_ms_ = arrival_ms;
  ++size_;
}

size_t PointBuffer::Encode(const State& point, uint8_t* out) {
  uint8_t* next = out + 1;
  uint8_t head = 0;
  const uint32_t time_step = point.time_seconds - tail_.time_seconds;
  if (time_step != tail_.time_step) {
    head |= kTimeFollows;
    next = PutVarint(ZigZag(time_step - tail_.time_step), next);
  }
  const uint32_t arrival_step = point.arrival_ms - tail_.arrival_ms;
  if (arrival_step != tail_.arrival_step) {
    head |= kArrivalFollows;
    next = PutVarint(ZigZag(arrival_step - tail_.arrival_step), next);
  }
  if (point.value_bits != tail_.value_bits) {
    const CodedValue value = EncodeValue(point.value_bits);
    std::memcpy(next, &value.bytes, sizeof(value.bytes));
    next += value.count;
    head |= value.code;
  }
  *out = head;
  tail_ = point;
  tail_.time_step = time_step;
  tail_.arrival_step = arrival_step;
  return static_cast<size_t>(next - out);
}

PointBuffer::CodedValue PointBuffer::EncodeValue(uint64_t bits) {
  const uint64_t differs = bits ^ tail_.value_bits;
  const auto trailing = static_cast<size_t>(__builtin_ctzll(differs) / 8);
  const uint64_t shifted = differs >> (8 * trailing);
  const uint8_t count = BytesOf(shifted);
  const CodedValue as_bytes{shifted, count, kShapes.code[trailing][count]};
  if (count <= 2) return as_bytes;
  if (decimal_misses_ >= kMissesMax) {
    if (++decimal_misses_ == kMissesEnd) decimal_misses_ = kMissesMax - 1;
    return as_bytes;
  }
  const auto delta = FindDecimalDelta(ToDouble(tail_.value_bits), ToDouble(bits), likely_decimals_);
  if (!delta.has_value()) {
    ++decimal_misses_;
    return as_bytes;
  }
  decimal_misses_ = 0;
  likely_decimals_ = delta->decimals;
  const uint32_t coded = ZigZag(static_cast<uint32_t>(delta->units));
  const uint8_t difference_count = BytesOf(coded);
  if (difference_count >= count) return as_bytes;
  return {coded, difference_count, kShapes.decimal_code[delta->decimals][difference_count]};
}

void PointBuffer::Reader::Decode() {
  const uint8_t head = *next_++;
  if ((head & kTimeFollows) != 0) state_.time_step += UnZigZag(GetVarint(next_));
  if ((head & kArrivalFollows) != 0) state_.arrival_step += UnZigZag(GetVarint(next_));
  state_.time_seconds += state_.time_step;
  state_.arrival_ms += state_.arrival_step;
  const Shape shape = kShapes.by_code[head & kShapeMask];
  if (shape.count > 0) {
    uint64_t bytes = 0;
    if (end_ - next_ >= 8) {
      std::memcpy(&bytes, next_, 8);
      if (shape.count < 8) bytes &= (uint64_t{1} << (8 * shape.count)) - 1;
    } else {
      std::memcpy(&bytes, next_, shape.count);
    }
    next_ += shape.count;
    if (shape.decimals < 0) {
      state_.value_bits ^= bytes << (8 * shape.trailing);
    } else {
      const auto units = static_cast<int32_t>(UnZigZag(static_cast<uint32_t>(bytes)));
      const double value = ApplyDecimalDelta(ToDouble(state_.value_bits),
                                             {static_cast<uint8_t>(shape.decimals), units});
      std::memcpy(&state_.value_bits, &value, sizeof(value));
    }
  }
  --left_;
}

bool PointBuffer::Reader::Next(Point* point) {
  if (left_ == 0) return false;
  Decode();
  point->time_seconds = state_.time_seconds;
  std::memcpy(&point->value, &state_.value_bits, sizeof(point->value));
  return true;
}

void PointBuffer::Reader::Skip(uint32_t count) {
  PLUMBAGO_CHECK(count <= left_);
  for (; count > 0; --count) Decode();
}

void PointBuffer::DropFront(uint32_t count) {
  PLUMBAGO_CHECK(count <= size_);
  if (count > 0) index_.reset();
  if (count == size_) {
    likely_bytes_ = static_cast<uint16_t>(std::min(used_bytes_, kLikelyBytesMax));
    size_ = used_bytes_ = 0;
    return Reallocate(0);
  }
  Reader reader(*this);
  reader.Skip(count);
  front_ = reader.state_;
  size_ -= count;
  used_bytes_ = static_cast<uint32_t>(reader.end_ - reader.next_);
  std::memmove(data_, reader.next_, used_bytes_);
  if (used_bytes_ < capacity_bytes_ / 3 && capacity_bytes_ > kBytesMin) {
    Reallocate(std::max(kBytesMin, size_t{used_bytes_} + used_bytes_ / 2));
  }
}

std::optional<PointBuffer::Found> PointBuffer::FindLast(uint32_t time_seconds) {
  if (size_ == 0 || time_seconds > time_max_seconds_) return std::nullopt;
  if (size_ < kIndexPointsMin) return FindLastIn({.before = front_}, size_, time_seconds);
  UpdateIndex();
  uint32_t count = index_->last_count;
  for (size_t i = index_->blocks.size(); i-- > 0; count = kBlockPoints) {
    const Block& block = index_->blocks[i];
    if (time_seconds < block.time_min || time_seconds > block.time_max) continue;
    if (const auto found = FindLastIn(block, count, time_seconds)) return found;
  }
  return std::nullopt;
}

// Each point is looked at once, however often it is asked for.
void PointBuffer::UpdateIndex() {
  if (index_ == nullptr) {
    index_ = std::make_unique<Index>();
    AppendBlock({.before = front_, .time_min = UINT32_MAX});
    index_->end = front_;
  }
  std::vector<Block>& blocks = index_->blocks;
  uint32_t& count = index_->last_count;
  const uint32_t known_count = static_cast<uint32_t>(blocks.size() - 1) * kBlockPoints + count;
  Reader reader(*this, {.before = index_->end, .offset = index_->end_offset}, size_ - known_count);
  for (;;) {
    const Block next{.before = reader.state_,
                     .offset = static_cast<uint32_t>(reader.next_ - data_),
                     .time_min = UINT32_MAX};
    Point point;
    if (!reader.Next(&point)) break;
    if (count == kBlockPoints) {
      AppendBlock(next);
      count = 0;
    }
    blocks.back().time_min = std::min(blocks.back().time_min, point.time_seconds);
    blocks.back().time_max = std::max(blocks.back().time_max, point.time_seconds);
    ++count;
  }
  index_->end = reader.state_;
  index_->end_offset = static_cast<uint32_t>(reader.next_ - data_);
}

void PointBuffer::AppendBlock(const Block& block) {
  std::vector<Block>& blocks = index_->blocks;
  // By a quarter: there is one of each series that has late points.
  if (blocks.size() == blocks.capacity()) blocks.reserve(blocks.size() + blocks.size() / 4 + 2);
  blocks.push_back(block);
  index_->memory_bytes =
      static_cast<uint32_t>(base::AllocatedBytes(sizeof(Index)) +
                            base::AllocatedBytes(blocks.capacity() * sizeof(Block)));
}

std::optional<PointBuffer::Found> PointBuffer::FindLastIn(const Block& block, uint32_t count,
                                                          uint32_t time_seconds) const {
  if (!HasTime(block, count, time_seconds)) return std::nullopt;
  std::optional<Found> found;
  Reader reader(*this, block, count);
  Point point;
  while (reader.Next(&point)) {
    if (point.time_seconds == time_seconds) found = {reader.arrival_ms(), point.value};
  }
  return found;
}

// Mostly there is none: values and arrivals are passed over, which takes a fraction of the time.
bool PointBuffer::HasTime(const Block& block, uint32_t count, uint32_t time_seconds) const {
  const uint8_t* next = data_ + block.offset;
  uint32_t time = block.before.time_seconds;
  uint32_t step = block.before.time_step;
  for (; count > 0; --count) {
    const uint8_t head = *next++;
    if ((head & kTimeFollows) != 0) step += UnZigZag(GetVarint(next));
    if ((head & kArrivalFollows) != 0) {
      while (*next++ >= 0x80) {
      }
    }
    next += kShapes.by_code[head & kShapeMask].count;
    time += step;
    if (time == time_seconds) return true;
  }
  return false;
}

void PointBuffer::Reallocate(size_t bytes) {
  if (bytes == 0) {
    std::free(data_);
    data_ = nullptr;
    capacity_bytes_ = 0;
    return;
  }
  const size_t allocated_bytes = base::AllocatedBytes(bytes);
  PLUMBAGO_CHECK(allocated_bytes <= UINT32_MAX);
  data_ = static_cast<uint8_t*>(std::realloc(data_, allocated_bytes));
  PLUMBAGO_CHECK(data_ != nullptr);
  capacity_bytes_ = static_cast<uint32_t>(allocated_bytes);
}

}  // namespace plumbago::cache
