// The flags of plumbago-store besides the common ones.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/file_system.h"
#include "service/command_line.h"
#include "store/store.h"
#include "store_service.h"
#include "whisper/storage_rules.h"

namespace plumbago::store_service {

struct StoreFlags {
  store::StoreOptions store;
  StoreServiceOptions service;
  std::string storage_schemas;      // path; empty: the default schema for everything
  std::string storage_aggregation;  // path; empty: the default aggregation
};

void AddStoreFlags(service::CommandLine& command_line, StoreFlags& flags);

// Reads and parses both files. A file that is named must be there; errors name file and line.
absl::StatusOr<whisper::StorageRules> ReadStorageRules(base::FileSystem& file_system,
                                                       const StoreFlags& flags);

}  // namespace plumbago::store_service
