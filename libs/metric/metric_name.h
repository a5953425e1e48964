// Which metric names are accepted, and their canonical form.
//
// A metric is a dotted name (`servers.web01.cpu`) or a tagged series (`disk.used;dc=x;rack=a1`).
// Names become paths on disk and text in JSON, so what could leave a directory, meet another
// name's file or break a document is refused, never altered. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace plumbago::metric {

inline constexpr size_t kMetricBytesMax = 1024;
// A node is a file name: 255 bytes less room for ".wsp" and a temporary suffix.
inline constexpr size_t kNodeBytesMax = 240;

enum class NameFault {
  kNone,
  kEmpty,
  kTooLong,      // over kMetricBytesMax, or a node over kNodeBytesMax
  kEmptyNode,    // a leading, trailing or doubled dot; so "." and ".." cannot be nodes
  kSlash,        // '/' would name a directory
  kControlByte,  // below 0x20, or 0x7f
  kInvalidUtf8,
  kInvalidTag,  // not key=value, empty key or value, or a byte that tags must not hold
};

// A stable word for metrics and logs, such as "empty_node".
const char* NameFaultWord(NameFault fault);

// Checks a name without tags.
NameFault CheckDottedName(absl::string_view name);

// Checks `metric` and writes its canonical form to `canonical`: untagged names as they are, tagged
// ones with the tags sorted as whole `key=value` strings, the last of equal keys kept and a `name`
// tag dropped, as carbon's TaggedSeries does (carbon/lib/carbon/util.py).
NameFault Canonicalise(absl::string_view metric, std::string* canonical);

}  // namespace plumbago::metric
