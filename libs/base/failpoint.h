// Named places where a test can have this process die as by `kill -9`.
//
//   PLUMBAGO_FAILPOINT=journal.appended:3     ends the process when it gets there the third time
//
// Without the variable a failpoint costs one load. Thread-safe.
#pragma once

namespace plumbago::base {

namespace internal {
extern const bool has_failpoint;
void HitFailpoint(const char* name);
}  // namespace internal

inline void Failpoint(const char* name) {
  if (internal::has_failpoint) internal::HitFailpoint(name);
}

}  // namespace plumbago::base
