// Proves that a buffer is zeroed, as large as asked for, and given back once.
#include "base/huge_buffer.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>

namespace plumbago::base {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

TEST_CASE("HugeBuffer gives zeroed memory that can all be written", "[base]") {
  for (const size_t size : {size_t{1}, size_t{4096}, size_t{4097}, 2 * kMiB, 5 * kMiB + 3}) {
    CAPTURE(size);
    const HugeBuffer buffer(size);
    REQUIRE(buffer.size_bytes() == size);
    CHECK(reinterpret_cast<uintptr_t>(buffer.data()) % 4096 == 0);
    char* const bytes = static_cast<char*>(buffer.data());
    CHECK(std::all_of(bytes, bytes + size, [](char c) { return c == 0; }));
    std::fill_n(bytes, size, 'x');
  }
}

TEST_CASE("HugeBuffer moves its memory", "[base]") {
  HugeBuffer from(4096);
  void* const data = from.data();
  HugeBuffer to(std::move(from));
  CHECK(to.data() == data);
  to = HugeBuffer();
  CHECK(to.data() == nullptr);
  CHECK(to.size_bytes() == 0);
}

}  // namespace
}  // namespace plumbago::base
