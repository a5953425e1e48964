// What the operating system says about this process and its machine. Thread-safe.
#pragma once

#include <cstddef>
#include <string>

#include "absl/time/time.h"

namespace plumbago::base {

// CPU time of all threads since the start, user and system.
absl::Duration ProcessCpuTime();

// Bytes of memory that are resident; 0 where the system does not tell.
size_t ProcessResidentBytes();

// The name of this machine; "localhost" where it has none.
std::string HostName();

}  // namespace plumbago::base
