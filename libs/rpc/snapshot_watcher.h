// Keeps a service's SnapshotHolder at what the tenant-controller says, and a copy on disk, so that
// the service starts and works while the controller is away.
//
// One thread reads the stream and publishes; after a failure it connects again with backoff and
// jitter (100 ms .. 5 s) for as long as it takes. Start and Stop belong to one owner.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "plumbago/v1/topology.grpc.pb.h"
#include "topology/snapshot.h"

namespace plumbago::rpc {

struct SnapshotWatcherOptions {
  std::string controller_address;  // host:port
  std::string service;             // relay, cache, store or query
  std::string instance;            // for the controller's log
  std::string snapshot_path;       // <data-dir>/snapshot.pb
};

class SnapshotWatcher {
 public:
  // All references must outlive the watcher.
  SnapshotWatcher(SnapshotWatcherOptions options, base::FileSystem& file_system,
                  base::Metrics& metrics, topology::SnapshotHolder& holder);
  ~SnapshotWatcher();  // Stop()
  SnapshotWatcher(const SnapshotWatcher&) = delete;
  SnapshotWatcher& operator=(const SnapshotWatcher&) = delete;

  // Publishes the snapshot on disk, if there is a good one, before it returns; then connects.
  // Register the holder's listeners first. FailedPrecondition where a newer release wrote the file;
  // a damaged file is logged and waits to be replaced.
  absl::Status Start();

  // Ends the stream and joins the thread: nothing is published afterwards.
  void Stop();

 private:
  absl::Status PublishSaved();
  void Run();
  // One connection, from its first snapshot to its end. True where it brought a snapshot.
  bool ReadStream();
  void LogEnd(const grpc::Status& status, absl::string_view what);
  void Accept(v1::Snapshot proto);
  bool IsStopping();
  void Wait(absl::Duration duration);

  const SnapshotWatcherOptions options_;
  base::FileSystem& file_system_;
  topology::SnapshotHolder& holder_;
  base::Gauge& version_gauge_;
  base::Gauge& connected_gauge_;
  const std::unique_ptr<v1::Topology::Stub> stub_;
  std::thread thread_;
  bool is_failing_ = false;  // said in the log; the thread's own

  base::Mutex mutex_;
  base::CondVar stopping_changed_;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* call_ ABSL_GUARDED_BY(mutex_) = nullptr;  // the running one, to cancel it
};

}  // namespace plumbago::rpc
