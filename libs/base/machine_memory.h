// How much memory this process may have: the least of what its control groups (v1 or v2) and the
// machine allow.
#pragma once

#include <cstdint>
#include <string>

#include "base/file_system.h"

namespace plumbago::base {

// `root` is "/", but for tests. 0 where nothing can be read.
uint64_t MemoryLimitBytes(FileSystem& file_system, const std::string& root = "/");

}  // namespace plumbago::base
