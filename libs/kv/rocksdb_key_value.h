// base::KeyValue over RocksDB: the registry of the tenant-controller and the index of a store.
//
// One process at a time has a database open. Every change is in the write-ahead log before Apply
// returns; KeyValueSync::kDisk also waits for the disk. Thread-safe; all calls block.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/key_value.h"

namespace plumbago::kv {

struct RocksDbOptions {
  size_t block_cache_bytes = 8 << 20;
  size_t write_buffer_bytes = 4 << 20;  // two of them at most
  int open_files_max = 128;
};

// Opens or creates the database in directory `path`, with parents. Errors name the path:
// FailedPrecondition where another process has it open, DataLoss where it is damaged,
// ResourceExhausted for a full disk, PermissionDenied, else Unavailable.
absl::StatusOr<std::unique_ptr<base::KeyValue>> OpenRocksDb(const std::string& path,
                                                            const RocksDbOptions& options = {});

}  // namespace plumbago::kv
