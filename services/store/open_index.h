// Opens the index of a store, or builds it anew from the files.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "base/key_value.h"
#include "index/series_index.h"
#include "service/runtime.h"

namespace plumbago::store_service {

struct OpenedIndex {
  std::unique_ptr<base::KeyValue> key_value;
  std::unique_ptr<index::SeriesIndex> index;  // uses the key_value
};

enum class IndexSource {
  kStored,   // <data>/index, which is made where it is missing
  kRebuilt,  // that is removed, and all files are looked at, with a line in the log each second
};

// Blocks; nothing else may use the data directory.
absl::StatusOr<OpenedIndex> OpenIndex(service::Runtime& runtime, IndexSource source);

}  // namespace plumbago::store_service
