// A text file of metric names, one a line, that is only appended to: what names the files whose
// paths do not tell them (docs/formats/series_set.md).
//
// Functions block on the disk and hold no state; appending from several threads is safe.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/file_system.h"

namespace plumbago::store {

// Of the tagged series of a tenant, below the tenant's directory.
inline constexpr absl::string_view kTaggedNamesPath = "_tagged/names";

// In one write, making the file and its directory where they are missing. Not synced. Names do not
// have line ends: a series with one is refused long before.
absl::Status AppendNames(base::FileSystem& file_system, const std::string& path,
                         absl::Span<const std::string> names);

// Every line that can be a name, in order, until `visit` returns false; a name that was appended
// twice comes twice. What a crash tore is passed over, or comes as a name that has no file. A
// missing file has no names.
absl::Status ReadNames(base::FileSystem& file_system, const std::string& path,
                       absl::FunctionRef<bool(absl::string_view)> visit);

}  // namespace plumbago::store
