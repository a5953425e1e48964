// The flags of plumbago-store besides the common ones.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/file_system.h"
#include "open_index.h"
#include "service/command_line.h"
#include "store/store.h"
#include "store_service.h"
#include "whisper/storage_rules.h"

namespace plumbago::store_service {

struct StoreFlags {
  store::StoreOptions store;
  StoreServiceOptions service;
  absl::Duration trash_retention = absl::Hours(7 * 24);
  bool rebuild_index = false;
  std::string controller = "127.0.0.1:7400";
  std::string storage_schemas;      // path; empty: the default schema for everything
  std::string storage_aggregation;  // path; empty: the default aggregation

  IndexSource index_source() const {
    return rebuild_index ? IndexSource::kRebuilt : IndexSource::kStored;
  }
};

void AddStoreFlags(service::CommandLine& command_line, StoreFlags& flags);

// Reads and parses both files. A file that is named must be there; errors name file and line.
absl::StatusOr<whisper::StorageRules> ReadStorageRules(base::FileSystem& file_system,
                                                       const StoreFlags& flags);

// `open_files_max` as given, or less where the system does not allow so many, with a warning.
size_t FitOpenFiles(size_t open_files_max);

}  // namespace plumbago::store_service
