// Points of one series, packed: 4 bytes of time and 8 of value each, in order of arrival.
//
// 16 bytes when empty. Memory grows by doubling from 4 points and is given back when empty.
// For one thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace plumbago::cache {

struct Point {
  uint32_t time_seconds = 0;
  double value = 0;
};

class PointBuffer {
 public:
  static constexpr size_t kPointBytes = 12;

  PointBuffer() = default;
  ~PointBuffer() { std::free(data_); }
  PointBuffer(const PointBuffer&) = delete;
  PointBuffer& operator=(const PointBuffer&) = delete;

  uint32_t size() const { return size_; }
  size_t memory_bytes() const { return size_t{capacity_} * kPointBytes; }

  Point At(uint32_t index) const {
    Point point;
    const char* const place = data_ + size_t{index} * kPointBytes;
    std::memcpy(&point.time_seconds, place, 4);
    std::memcpy(&point.value, place + 4, 8);
    return point;
  }

  void Append(uint32_t time_seconds, double value) {
    if (size_ == capacity_) Reallocate(std::max<uint32_t>(kCapacityMin, capacity_ * 2));
    char* const place = data_ + size_t{size_} * kPointBytes;
    std::memcpy(place, &time_seconds, 4);
    std::memcpy(place + 4, &value, 8);
    ++size_;
  }

  // Removes the first `count` points, count <= size().
  void DropFront(uint32_t count) {
    size_ -= count;
    if (size_ == 0) return Reallocate(0);
    std::memmove(data_, data_ + size_t{count} * kPointBytes, size_t{size_} * kPointBytes);
    if (capacity_ > kCapacityMin && size_ <= capacity_ / 4) {
      Reallocate(std::max(kCapacityMin, capacity_ / 2));
    }
  }

 private:
  static constexpr uint32_t kCapacityMin = 4;

  void Reallocate(uint32_t capacity) {
    if (capacity == 0) {
      std::free(data_);
      data_ = nullptr;
    } else {
      data_ = static_cast<char*>(std::realloc(data_, size_t{capacity} * kPointBytes));
      PLUMBAGO_CHECK(data_ != nullptr);
    }
    capacity_ = capacity;
  }

  char* data_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};
static_assert(sizeof(PointBuffer) == 16);

}  // namespace plumbago::cache
