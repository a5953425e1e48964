#include "rpc/snapshot_watcher.h"

#include <pthread.h>

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "rpc/server.h"

namespace plumbago::rpc {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);
constexpr absl::Duration kLastBackoff = absl::Seconds(5);

}  // namespace

SnapshotWatcher::SnapshotWatcher(SnapshotWatcherOptions options, base::FileSystem& file_system,
                                 base::Metrics& metrics, topology::SnapshotHolder& holder)
    : options_(std::move(options)),
      file_system_(file_system),
      holder_(holder),
      version_gauge_(metrics.AddGauge("plumbago_snapshot_version",
                                      "Version of the snapshot in use; 0: none yet")),
      connected_gauge_(metrics.AddGauge("plumbago_controller_connected",
                                        "1 while the tenant-controller's stream is open")),
      stub_(v1::Topology::NewStub(MakeChannel(options_.controller_address))) {}

SnapshotWatcher::~SnapshotWatcher() { Stop(); }

absl::Status SnapshotWatcher::Start() {
  PLUMBAGO_RETURN_IF_ERROR(PublishSaved());
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "snapshot");
    Run();
  });
  return absl::OkStatus();
}

void SnapshotWatcher::Stop() {
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
    if (call_ != nullptr) call_->TryCancel();
    stopping_changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status SnapshotWatcher::PublishSaved() {
  const auto saved = topology::LoadSnapshot(file_system_, options_.snapshot_path);
  if (saved.ok()) {
    base::LogInfo(absl::StrCat("starting from ", options_.snapshot_path, " version=",
                               (*saved)->version(), " epoch=", (*saved)->slot_map()->epoch()));
    version_gauge_.Set(static_cast<double>((*saved)->version()));
    holder_.Publish(*saved);
    return absl::OkStatus();
  }
  if (absl::IsNotFound(saved.status())) return absl::OkStatus();
  if (absl::IsDataLoss(saved.status())) {
    base::LogError(saved.status().message());
    return absl::OkStatus();
  }
  return saved.status();
}

void SnapshotWatcher::Run() {
  std::mt19937 jitter{std::random_device{}()};
  absl::Duration backoff = kFirstBackoff;
  while (!IsStopping()) {
    if (ReadStream()) backoff = kFirstBackoff;
    Wait(backoff * std::uniform_real_distribution<double>(0.5, 1.0)(jitter));
    backoff = std::min(backoff * 2, kLastBackoff);
  }
}

bool SnapshotWatcher::ReadStream() {
  grpc::ClientContext context;
  {
    base::MutexLock lock(mutex_);
    if (is_stopping_) return false;
    call_ = &context;
  }
  v1::WatchSnapshotRequest request;
  request.set_service(options_.service);
  request.set_instance(options_.instance);
  if (const auto current = holder_.Get(); current != nullptr) {
    request.set_known_version(current->version());
  }
  const auto stream = stub_->WatchSnapshot(&context, request);
  bool is_connected = false;
  v1::Snapshot snapshot;
  while (stream->Read(&snapshot)) {
    if (!std::exchange(is_connected, true)) {
      connected_gauge_.Set(1);
      is_failing_ = false;
      base::LogInfo(absl::StrCat("connected to tenant-controller ", options_.controller_address));
    }
    Accept(std::move(snapshot));
    snapshot.Clear();
  }
  const grpc::Status status = stream->Finish();
  connected_gauge_.Set(0);
  {
    base::MutexLock lock(mutex_);
    call_ = nullptr;
    if (is_stopping_) return is_connected;
  }
  LogEnd(status, is_connected ? "ended" : "did not open");
  return is_connected;
}

// The first failure of an outage is a warning, its repetitions are not.
void SnapshotWatcher::LogEnd(const grpc::Status& status, absl::string_view what) {
  const std::string message = absl::StrCat(
      "tenant-controller ", options_.controller_address, " ", what,
      " the snapshot stream: ", base::Excerpt(status.error_message()), "; connecting again");
  if (std::exchange(is_failing_, true)) {
    base::LogDebug(message);
  } else {
    base::LogWarning(message);
  }
}

void SnapshotWatcher::Accept(v1::Snapshot proto) {
  if (const auto current = holder_.Get();
      current != nullptr && current->proto().SerializeAsString() == proto.SerializeAsString()) {
    return;  // the same again, after a reconnect
  }
  const auto snapshot = topology::Snapshot::FromProto(std::move(proto));
  if (!snapshot.ok()) {
    base::LogError(
        absl::StrCat("the tenant-controller's snapshot is refused, the one before stays "
                     "in use: ",
                     snapshot.status().message()));
    return;
  }
  holder_.Publish(*snapshot);
  version_gauge_.Set(static_cast<double>((*snapshot)->version()));
  base::LogInfo(absl::StrCat("new snapshot version=", (*snapshot)->version(),
                             " epoch=", (*snapshot)->slot_map()->epoch()));
  const absl::Status saved =
      topology::SaveSnapshot(file_system_, options_.snapshot_path, **snapshot);
  if (!saved.ok()) {
    base::LogError(
        absl::StrCat("the snapshot is in use, but not kept for the next start: ", saved.message()));
  }
}

bool SnapshotWatcher::IsStopping() {
  base::MutexLock lock(mutex_);
  return is_stopping_;
}

void SnapshotWatcher::Wait(absl::Duration duration) {
  base::MutexLock lock(mutex_);
  if (!is_stopping_) stopping_changed_.WaitFor(lock, absl::ToInt64Nanoseconds(duration));
}

}  // namespace plumbago::rpc
