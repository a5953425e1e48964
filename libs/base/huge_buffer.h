// Zeroed memory for a large table that is read at random.
//
// Asks the kernel for huge pages (2 MiB): a look-up then misses the cache of the processor but not
// its TLB, and a prefetch does not stop at a page walk. Where the kernel has none to give, ordinary
// pages serve. Not for what is small: it takes whole pages. Out of memory ends the process.
#pragma once

#include <cstddef>
#include <utility>

namespace plumbago::base {

class HugeBuffer {
 public:
  HugeBuffer() = default;
  explicit HugeBuffer(size_t size_bytes);
  ~HugeBuffer();
  HugeBuffer(HugeBuffer&& other) noexcept { *this = std::move(other); }
  HugeBuffer& operator=(HugeBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    return *this;
  }

  // At the begin of a page; null where the size is 0.
  void* data() const { return data_; }
  size_t size_bytes() const { return size_bytes_; }

 private:
  void* data_ = nullptr;
  size_t size_bytes_ = 0;
};

}  // namespace plumbago::base
