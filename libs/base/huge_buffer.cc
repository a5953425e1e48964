#include "base/huge_buffer.h"

#include <sys/mman.h>

#include <cstdint>

#include "base/check.h"

namespace plumbago::base {
namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;

// Maps `size_bytes` from the begin of a huge page on: older kernels do not see to that themselves.
char* MapAligned(size_t size_bytes) {
  const size_t mapped_bytes = size_bytes + kHugePageBytes;
  void* const mapped =
      mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  PLUMBAGO_CHECK(mapped != MAP_FAILED);
  char* const begin = static_cast<char*>(mapped);
  const size_t before = -reinterpret_cast<uintptr_t>(mapped) % kHugePageBytes;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + size_bytes, mapped_bytes - before - size_bytes);
  return begin + before;
}

size_t WholePages(size_t size_bytes) {
  constexpr size_t kPageBytes = 4096;
  return (size_bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

}  // namespace

HugeBuffer::HugeBuffer(size_t size_bytes) : size_bytes_(size_bytes) {
  if (size_bytes == 0) return;
  data_ = MapAligned(WholePages(size_bytes));
  madvise(data_, WholePages(size_bytes), MADV_HUGEPAGE);  // it is a wish
}

HugeBuffer::~HugeBuffer() {
  if (data_ != nullptr) munmap(data_, WholePages(size_bytes_));
}

}  // namespace plumbago::base
