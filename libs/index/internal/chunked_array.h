// An array that grows by chunks: what is in it never moves, and there is never twice of it.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace plumbago::index::internal {

template <typename T>
class ChunkedArray {
 public:
  uint32_t size() const { return size_; }
  T& operator[](uint32_t i) { return chunks_[i >> kChunkBits][i & kChunkMask]; }
  const T& operator[](uint32_t i) const { return chunks_[i >> kChunkBits][i & kChunkMask]; }

  // The index of a new T().
  uint32_t Append() {
    if ((size_ & kChunkMask) == 0) chunks_.push_back(std::make_unique<T[]>(kChunkMask + 1));
    return size_++;
  }

 private:
  static constexpr uint32_t kChunkBits = 9;
  static constexpr uint32_t kChunkMask = (1u << kChunkBits) - 1;

  std::vector<std::unique_ptr<T[]>> chunks_;
  uint32_t size_ = 0;
};

}  // namespace plumbago::index::internal
