// Points of one series, packed, in order of arrival: each with its time, its value, and when it
// arrived at the relay.
//
// Each point is written as its difference from what the one before it leads to expect, in whole
// bytes: points of a steady series take 1 byte, 1 or 2 for the jitter of their arrival, and 0 to 8
// for the value: the bytes that have changed, or the difference of two decimals (decimal_delta.h)
// where it has fewer; never more than kPointBytesMax. Memory grows by half and is given back as
// points are dropped; a buffer that is filled again begins with as much as it held before, within a
// bound, for series come in bursts of a size. A buffer of many points that is asked for a time
// marks every kBlockPoints of them with the least and greatest time, until points are dropped: so a
// look for one costs a walk over a block or two, not over all. For one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace plumbago::cache {

struct Point {
  uint32_t time_seconds = 0;
  double value = 0;
};

// Arrivals are milliseconds since the Unix epoch, modulo 2^32: they are compared over at most 24
// days.
inline bool IsLaterArrival(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }

class PointBuffer {
 public:
  static constexpr size_t kPointBytesMax = 1 + 5 + 5 + 8;

  PointBuffer() = default;
  ~PointBuffer();
  PointBuffer(const PointBuffer&) = delete;
  PointBuffer& operator=(const PointBuffer&) = delete;

  uint32_t size() const { return size_; }
  // On the heap, as the allocator counts.
  size_t memory_bytes() const {
    return index_ == nullptr ? capacity_bytes_ : capacity_bytes_ + index_->memory_bytes;
  }
  // The latest arrival since the buffer was empty.
  uint32_t latest_arrival_ms() const { return latest_arrival_ms_; }

  void Append(uint32_t time_seconds, double value, uint32_t arrival_ms);

  // Asks the processor for the memory that Append will write to.
  void PrefetchEnd() const { __builtin_prefetch(data_ + used_bytes_, 1); }

  // Removes the first `count` points, count <= size(). Costs a look at each of them.
  void DropFront(uint32_t count);

  // When the last point with this time arrived, and its value. May take memory for an index.
  struct Found {
    uint32_t arrival_ms = 0;
    double value = 0;
  };
  std::optional<Found> FindLast(uint32_t time_seconds);

 private:
  // What a point is told apart from: the one before it, and how that differed from its own.
  struct State {
    uint64_t value_bits = 0;
    uint32_t time_seconds = 0;
    uint32_t time_step = 0;
    uint32_t arrival_ms = 0;
    uint32_t arrival_step = 0;
  };
  // So many points that follow one another.
  static constexpr uint32_t kBlockPoints = 64;
  struct Block {
    State before;           // its first point
    uint32_t offset = 0;    // of its first point in data_
    uint32_t time_min = 0;  // in seconds
    uint32_t time_max = 0;
  };
  // The blocks of the first points, as many as are full, and one more for those after them.
  struct Index {
    std::vector<Block> blocks;
    uint32_t memory_bytes = 0;  // of all of it, as the allocator counts
    uint32_t last_count = 0;    // points of the last block that have been looked at
    State end;                  // after them
    uint32_t end_offset = 0;
  };

 public:
  // Goes through the points in order; the buffer must not change meanwhile.
  class Reader {
   public:
    explicit Reader(const PointBuffer& buffer)
        : state_(buffer.front_),
          next_(buffer.data_),
          end_(buffer.data_ + buffer.used_bytes_),
          left_(buffer.size_) {}
    // Only the points of `block`, which has `count`.
    Reader(const PointBuffer& buffer, const Block& block, uint32_t count)
        : state_(block.before),
          next_(buffer.data_ + block.offset),
          end_(buffer.data_ + buffer.used_bytes_),
          left_(count) {}
    // False after the last point.
    bool Next(Point* point);
    // Passes over `count` points.
    void Skip(uint32_t count);
    // Of the point that Next() gave.
    uint32_t arrival_ms() const { return state_.arrival_ms; }

   private:
    friend class PointBuffer;
    void Decode();

    State state_;
    const uint8_t* next_;
    const uint8_t* end_;
    uint32_t left_;
  };

 private:
  void UpdateIndex();
  void AppendBlock(const Block& block);
  bool HasTime(const Block& block, uint32_t count, uint32_t time_seconds) const;
  std::optional<Found> FindLastIn(const Block& block, uint32_t count, uint32_t time_seconds) const;
  // Writes at most kPointBytesMax bytes and the 7 after them; returns how many count.
  size_t Encode(const State& point, uint8_t* out);
  struct CodedValue {
    uint64_t bytes = 0;
    uint8_t count = 0;
    uint8_t code = 0;
  };
  // Of a value that differs from the last one.
  CodedValue EncodeValue(uint64_t bits);
  void Reallocate(size_t bytes);

  uint8_t* data_ = nullptr;
  uint32_t used_bytes_ = 0;
  uint32_t capacity_bytes_ = 0;
  uint32_t size_ = 0;
  // Since the buffer was empty.
  uint32_t time_max_seconds_ = 0;
  uint32_t latest_arrival_ms_ = 0;
  uint16_t likely_bytes_ = 0;     // what it held when it became empty
  uint8_t likely_decimals_ = 0;   // what the last decimal difference had
  uint8_t decimal_misses_ = 0;    // values in a row without one
  State front_;                   // before the first point
  State tail_;                    // after the last one
  std::unique_ptr<Index> index_;  // null where none is needed
};
static_assert(sizeof(PointBuffer) == 88);

}  // namespace plumbago::cache
