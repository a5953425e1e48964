// Helpers around absl::Status: early return, context, and excerpts of untrusted text for messages.
//
// Codes tell the caller what to do (docs/errors.md); messages say what is wrong, with which value,
// against which bound, and how to mend it. All functions are thread-safe and never throw.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::base {

// `text` with control and non-ASCII bytes escaped as \xNN, cut at 128 bytes of input ("..." marks
// the cut). For any text that came from outside.
std::string Excerpt(absl::string_view text);

// `status` with "context: " in front of its message, and its payloads; OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// The status for errno value `error`: "open /x/y: No such file or directory".
// ENOENT NotFound, EEXIST AlreadyExists, EACCES/EPERM PermissionDenied, ENOSPC/EDQUOT/EMFILE/ENFILE
// ResourceExhausted, everything else Unavailable.
absl::Status ErrnoStatus(int error, absl::string_view what);

// A word that says more than the code, for a metric's label or a decision; Annotate keeps it. Those
// of base: "disk_full" (ENOSPC, EDQUOT) and "not_a_file" (see Directory). Empty: none was set.
absl::Status WithReason(absl::Status status, absl::string_view reason);
std::string ReasonOf(const absl::Status& status);
bool IsDiskFull(const absl::Status& status);

}  // namespace plumbago::base

// Returns the status of `expression` from the enclosing function unless it is OK.
#define PLUMBAGO_RETURN_IF_ERROR(expression)                                    \
  do {                                                                          \
    if (::absl::Status plumbago_status_ = (expression); !plumbago_status_.ok()) \
      return plumbago_status_;                                                  \
  } while (false)

#define PLUMBAGO_CONCAT_INNER_(a, b) a##b
#define PLUMBAGO_CONCAT_(a, b) PLUMBAGO_CONCAT_INNER_(a, b)

// PLUMBAGO_ASSIGN_OR_RETURN(auto x, Function()): x is the value, or the status is returned.
#define PLUMBAGO_ASSIGN_OR_RETURN(declaration, expression)                   \
  auto PLUMBAGO_CONCAT_(plumbago_result_, __LINE__) = (expression);          \
  if (!PLUMBAGO_CONCAT_(plumbago_result_, __LINE__).ok())                    \
    return std::move(PLUMBAGO_CONCAT_(plumbago_result_, __LINE__)).status(); \
  declaration = std::move(PLUMBAGO_CONCAT_(plumbago_result_, __LINE__)).value()
