// PLUMBAGO_CHECK(condition) ends the process with file, line and condition when an
// invariant of our own is broken. For untrusted input return a Status instead.
#pragma once

namespace plumbago::base {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace plumbago::base

#define PLUMBAGO_CHECK(condition)                      \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::plumbago::base::CheckFailed(__FILE__, __LINE__, #condition))
