// Proves which limit on memory holds, over trees of files as kernels show them.
#include "base/machine_memory.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/testing/temporary_directory.h"

namespace plumbago::base {
namespace {

struct Machine {
  testing::TemporaryDirectory directory;
  std::unique_ptr<FileSystem> file_system = MakePosixFileSystem();

  void Put(const std::string& path, const std::string& text) {
    const std::string whole = directory.path() + "/" + path;
    REQUIRE(file_system->CreateDirectories(whole.substr(0, whole.rfind('/'))).ok());
    REQUIRE(file_system->Append(whole, text).ok());
  }
  uint64_t Limit() { return MemoryLimitBytes(*file_system, directory.path() + "/"); }
};

TEST_CASE("Without control groups the machine's memory is the limit", "[base]") {
  Machine machine;
  CHECK(machine.Limit() == 0);  // nothing can be read
  machine.Put("proc/meminfo", "MemTotal:       1024 kB\nMemFree:        17 kB\n");
  CHECK(machine.Limit() == 1 << 20);
}

TEST_CASE("The least limit of a group of version 2 and those above it holds", "[base]") {
  Machine machine;
  machine.Put("proc/meminfo", "MemTotal:       1024000 kB\n");
  machine.Put("proc/self/cgroup", "0::/pods/one\n");
  machine.Put("sys/fs/cgroup/pods/one/memory.max", "max\n");
  CHECK(machine.Limit() == uint64_t{1'024'000} << 10);
  machine.Put("sys/fs/cgroup/pods/memory.max", "5000000\n");
  CHECK(machine.Limit() == 5'000'000);
}

TEST_CASE("Within a container the limit is at the top, whatever the path says", "[base]") {
  Machine machine;
  machine.Put("proc/self/cgroup", "0::/system.slice/docker-1.scope\n");
  machine.Put("sys/fs/cgroup/memory.max", "7000000\n");
  CHECK(machine.Limit() == 7'000'000);
}

TEST_CASE("A limit of a group of version 1 holds", "[base]") {
  Machine machine;
  machine.Put("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/box\n0::/\n");
  machine.Put("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "3000000\n");
  machine.Put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(machine.Limit() == 3'000'000);
}

}  // namespace
}  // namespace plumbago::base
