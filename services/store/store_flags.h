// The flags of plumbago-store besides the common ones.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "open_index.h"
#include "service/command_line.h"
#include "store/store.h"
#include "store_service.h"

namespace plumbago::store_service {

struct StoreFlags {
  store::StoreOptions store;
  StoreServiceOptions service;
  absl::Duration trash_retention = absl::Hours(7 * 24);
  bool rebuild_index = false;
  std::string controller = "127.0.0.1:7400";
  std::string shard_id;
  store::StoragePolicies::Options policies;
  absl::Duration policy_poll_interval = absl::Minutes(1);

  IndexSource index_source() const {
    return rebuild_index ? IndexSource::kRebuilt : IndexSource::kStored;
  }
  // With the directory, and as many open files as the machine allows.
  store::StoreOptions StoreOptionsFor(const std::string& data_directory) const;
};

void AddStoreFlags(service::CommandLine& command_line, StoreFlags& flags);

// `open_files_max` as given, or less where the system does not allow so many, with a warning.
size_t FitOpenFiles(size_t open_files_max);

}  // namespace plumbago::store_service
