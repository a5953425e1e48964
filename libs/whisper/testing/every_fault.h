// Runs a piece of work once for every call of it that can fail. Tests only.
#pragma once

#include <functional>

#include "base/testing/fault_file_system.h"

namespace plumbago::whisper::testing {

// `run` does the work once, on files prepared anew, with `plan` set, and returns whether the fault
// came; so the last round is the one in which all calls worked. Every kind of fault, both with a
// process that goes on and one that dies. Returns how many faults came.
inline size_t ForEveryFault(
    const std::function<bool(const base::testing::FaultFileSystem::Plan& plan)>& run) {
  using Faults = base::testing::FaultFileSystem;
  size_t fault_count = 0;
  for (const auto fault :
       {Faults::Fault::kNoSpace, Faults::Fault::kIoError, Faults::Fault::kShortWrite}) {
    for (const auto after : {Faults::After::kRecovered, Faults::After::kDead}) {
      for (uint64_t nth = 1;; ++nth) {
        if (!run({.nth = nth, .kinds = Faults::kAll, .fault = fault, .after = after})) break;
        ++fault_count;
      }
    }
  }
  return fault_count;
}

}  // namespace plumbago::whisper::testing
