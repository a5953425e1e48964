// Which archives, xFilesFactor and aggregation method new series get, for each tenant, while the
// store runs. The first of these that exists decides for a tenant, as a whole:
//   1. its policy pushed by the tenant-controller (Tenant.storage_policy of the snapshot);
//   2. DIR/<tenant>/storage-schemas.conf and storage-aggregation.conf, either of which may be
//   absent;
//   3. the store's own storage-schemas.conf and storage-aggregation.conf;
//   4. 60s:7d, 0.5 and average.
//
// A policy that changes is parsed as a whole and then swapped in; one that is wrong is refused, and
// the one before it stays in force: counted, and logged once for each content, with file and line.
// Series that exist keep their files (store/series_converter.h).
//
// Thread-safe. Reading costs a lock and a reference: take Current() once for a batch.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "topology/snapshot.h"
#include "whisper/storage_rules.h"

namespace plumbago::store {

enum class PolicySource { kController, kTenantFiles, kStoreFiles, kBuiltIn };

// "controller", "tenant files", "store files", "built in".
absl::string_view PolicySourceName(PolicySource source);

struct StoragePolicy {
  PolicySource source = PolicySource::kBuiltIn;
  whisper::StorageRules rules;
};

// The policies of one moment. Immutable.
class PolicySet {
 public:
  const StoragePolicy& Of(absl::string_view tenant) const;
  uint64_t generation() const { return generation_; }

 private:
  friend class StoragePolicies;

  // Shared with the sets before and after this one, and with StoragePolicies.
  std::shared_ptr<const StoragePolicy> default_;
  absl::flat_hash_map<std::string, std::shared_ptr<const StoragePolicy>> by_tenant_;
  uint64_t generation_ = 0;
};

class StoragePolicies {
 public:
  struct Options {
    std::string schemas_path = "";       // the store's own; empty: none
    std::string aggregation_path = "";   // likewise
    std::string tenants_directory = "";  // DIR above; empty: none
    // Instead of 60s:7d, 0.5 and average, for tests and benchmarks. Valid.
    whisper::StorageRules::Text built_in = {};
  };

  // Both must outlive this. Until Load() everything is built in.
  StoragePolicies(base::FileSystem& file_system, base::Metrics& metrics, Options options);
  ~StoragePolicies();  // Stop

  // Reads the files for the first time. The first error, with file and line; a file or directory
  // that is named must be there.
  absl::Status Load();
  enum class Problems {
    kNew,  // those that were not there at the reading before
    kAll,
  };
  // Reads the files again. What is wrong stays as it was; problems are logged and counted. Blocks
  // on the disk.
  void Reload(Problems report);
  // Takes over the policies of `snapshot`, whole.
  void Apply(const topology::Snapshot& snapshot);

  // Reloads, for new problems, at each interval on a thread of its own, until Stop.
  void Start(base::Clock& clock, absl::Duration interval);
  void Stop();

  std::shared_ptr<const PolicySet> Current() const;

 private:
  // Where one policy comes from: what was read last, good or not, and what is in force.
  struct Origin {
    bool is_read = false;
    std::string content = "";                               // compared only
    absl::Status problem = absl::OkStatus();                // of the last reading
    std::shared_ptr<const StoragePolicy> policy = nullptr;  // null: none was good so far
  };
  using Origins = std::map<std::string, Origin>;  // by tenant
  using Text = whisper::StorageRules::Text;

  // Both give back the problems, those that are known already only where `report` says so.
  std::vector<absl::Status> ReadFiles(Problems report) ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);
  void ReadTenants(Problems report, std::vector<absl::Status>* problems)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);
  absl::StatusOr<Text> ReadDefaultText() const;
  // Both texts empty: the tenant has no files.
  absl::StatusOr<Text> ReadTenantText(const std::string& tenant) const;
  // Puts `text` in force where it is new and good.
  void Renew(PolicySource source, const absl::StatusOr<Text>& text, Problems report, Origin* origin,
             std::vector<absl::Status>* problems) ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);
  void Report(const std::vector<absl::Status>& problems);
  void RunPolling(base::Clock& clock, absl::Duration interval);

  base::FileSystem& file_system_;
  const Options options_;
  base::Counter& failures_;
  base::Gauge& generation_gauge_;
  std::thread poll_thread_;

  // Held for a whole change, reading included; never taken by readers of policies.
  base::Mutex change_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  Origin default_ ABSL_GUARDED_BY(change_mutex_);
  Origin directory_ ABSL_GUARDED_BY(change_mutex_);  // only its problem is used
  Origins tenant_files_ ABSL_GUARDED_BY(change_mutex_);
  Origins pushed_ ABSL_GUARDED_BY(change_mutex_);
  bool is_changed_ ABSL_GUARDED_BY(change_mutex_) = false;  // since the last Publish

  mutable base::Mutex mutex_;
  std::shared_ptr<const PolicySet> current_ ABSL_GUARDED_BY(mutex_);

  base::Mutex stop_mutex_;
  base::CondVar stop_begins_;
  bool is_stopping_ ABSL_GUARDED_BY(stop_mutex_) = false;
};

}  // namespace plumbago::store
