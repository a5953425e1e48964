// Proves that what is said about this process changes as the process does.
#include "base/process.h"

#include <catch2/catch.hpp>
#include <vector>

namespace plumbago::base {
namespace {

TEST_CASE("ProcessCpuTime grows with work", "[base]") {
  const absl::Duration before = ProcessCpuTime();
  volatile uint64_t sum = 0;
  while (ProcessCpuTime() == before) sum = sum + 1;
  CHECK(ProcessCpuTime() > before);
}

TEST_CASE("ProcessResidentBytes grows with memory in use", "[base]") {
  constexpr size_t kBytes = size_t{64} << 20;
  const size_t before = ProcessResidentBytes();
  REQUIRE(before > 0);
  const std::vector<char> used(kBytes, 'x');
  CHECK(ProcessResidentBytes() > before + kBytes / 2);
  CHECK(used.back() == 'x');
}

TEST_CASE("HostName is not empty", "[base]") { CHECK_FALSE(HostName().empty()); }

}  // namespace
}  // namespace plumbago::base
