#include "topology_service.h"

#include <utility>

#include "admin_answer.h"

namespace plumbago::tenant_controller {

// One service's stream. gRPC is called outside the lock only: it may call back on the same thread.
class TopologyService::Watcher final : public grpc::ServerWriteReactor<v1::Snapshot> {
 public:
  Watcher(TopologyService& owner, std::string label) : owner_(owner), label_(std::move(label)) {}

  void Offer(std::shared_ptr<const v1::Snapshot> snapshot) {
    {
      base::MutexLock lock(mutex_);
      // The first offer of a stream may be overtaken by a push.
      if (is_ending_ || snapshot->version() <= offered_version_) return;
      offered_version_ = snapshot->version();
      next_ = std::move(snapshot);
      if (is_writing_) return;
      is_writing_ = true;
      written_ = std::move(next_);
    }
    StartWrite(written_.get());
  }

  void End(const grpc::Status& status) {
    {
      base::MutexLock lock(mutex_);
      if (is_ending_) return;
      is_ending_ = true;
      end_ = status;
      if (is_writing_) return;  // the end of the write finishes
    }
    Finish(status);
  }

  void OnWriteDone(bool is_ok) override {
    bool has_next = false;
    {
      base::MutexLock lock(mutex_);
      if (!is_ok && !is_ending_) {
        is_ending_ = true;
        end_ = grpc::Status::CANCELLED;
      }
      if (!is_ending_ && next_ == nullptr) {
        is_writing_ = false;
        return;
      }
      has_next = !is_ending_;
      if (has_next) written_ = std::move(next_);
    }
    has_next ? StartWrite(written_.get()) : Finish(end_);
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }

  void OnDone() override {
    base::LogInfo(absl::StrCat("snapshot stream closed ", label_));
    owner_.Forget(this);  // may destroy this
  }

 private:
  TopologyService& owner_;
  const std::string label_;

  base::Mutex mutex_;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_ending_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t offered_version_ ABSL_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const v1::Snapshot> next_ ABSL_GUARDED_BY(mutex_);
  // Set under the lock, then owned by the write or the finish that follows.
  std::shared_ptr<const v1::Snapshot> written_;
  grpc::Status end_;
};

TopologyService::TopologyService(tenancy::Registry& registry, base::Metrics& metrics)
    : registry_(registry),
      watchers_gauge_(metrics.AddGauge("plumbago_controller_watchers",
                                       "Open snapshot streams; each service has one")) {}

void TopologyService::Push() {
  Watchers watchers;
  {
    base::MutexLock lock(mutex_);
    watchers = AllWatchers();
  }
  const auto snapshot = registry_.Current();
  for (const auto& watcher : watchers) watcher->Offer(snapshot);
}

void TopologyService::Stop() {
  Watchers watchers;
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
    watchers = AllWatchers();
  }
  const grpc::Status status(grpc::StatusCode::UNAVAILABLE, "the tenant-controller is stopping");
  for (const auto& watcher : watchers) watcher->End(status);
}

grpc::Status TopologyService::GetTopology(grpc::ServerContext*, const v1::GetTopologyRequest*,
                                          v1::TopologySnapshot* response) {
  *response = registry_.Current()->topology();
  return grpc::Status::OK;
}

grpc::Status TopologyService::AddShard(grpc::ServerContext* context,
                                       const v1::AddShardRequest* request,
                                       v1::TopologySnapshot* response) {
  return AnswerChange(*context, "add shard", request->shard().id(),
                      registry_.AddShard(request->shard()), response);
}

grpc::Status TopologyService::UpdateShard(grpc::ServerContext* context,
                                          const v1::UpdateShardRequest* request,
                                          v1::TopologySnapshot* response) {
  return AnswerChange(*context, "update shard", request->shard().id(),
                      registry_.UpdateShard(request->shard()), response);
}

grpc::Status TopologyService::RemoveShard(grpc::ServerContext* context,
                                          const v1::RemoveShardRequest* request,
                                          v1::TopologySnapshot* response) {
  return AnswerChange(*context, "remove shard", request->id(), registry_.RemoveShard(request->id()),
                      response);
}

grpc::Status TopologyService::AssignSlots(grpc::ServerContext* context,
                                          const v1::AssignSlotsRequest* request,
                                          v1::TopologySnapshot* response) {
  return AnswerChange(*context, "assign slots", request->slots().empty() ? "spread" : "explicit",
                      registry_.AssignSlots(*request), response);
}

grpc::ServerWriteReactor<v1::Snapshot>* TopologyService::WatchSnapshot(
    grpc::CallbackServerContext* context, const v1::WatchSnapshotRequest* request) {
  const std::string label = absl::StrCat("service=", base::Excerpt(request->service()),
                                         " instance=", base::Excerpt(request->instance()),
                                         " peer=", base::Excerpt(context->peer()));
  base::LogInfo(
      absl::StrCat("snapshot stream opened ", label, " known_version=", request->known_version()));
  auto watcher = std::make_shared<Watcher>(*this, label);
  const absl::Status registered = Register(watcher);
  if (registered.ok()) {
    watcher->Offer(registry_.Current());
  } else {
    watcher->End(rpc::ToGrpc(registered));
  }
  return watcher.get();  // lives in watchers_ until it is done
}

absl::Status TopologyService::Register(const std::shared_ptr<Watcher>& watcher) {
  base::MutexLock lock(mutex_);
  watchers_[watcher.get()] = watcher;
  watchers_gauge_.Set(static_cast<double>(watchers_.size()));
  if (is_stopping_) return absl::UnavailableError("the tenant-controller is stopping");
  if (watchers_.size() > kWatchersMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", kWatchersMax, " snapshot streams, which is the limit"));
  }
  return absl::OkStatus();
}

void TopologyService::Forget(Watcher* watcher) {
  std::shared_ptr<Watcher> forgotten;  // destroyed after the lock is released
  base::MutexLock lock(mutex_);
  const auto found = watchers_.find(watcher);
  forgotten = std::move(found->second);
  watchers_.erase(found);
  watchers_gauge_.Set(static_cast<double>(watchers_.size()));
}

TopologyService::Watchers TopologyService::AllWatchers() const {
  Watchers watchers;
  watchers.reserve(watchers_.size());
  for (const auto& [key, watcher] : watchers_) watchers.push_back(watcher);
  return watchers;
}

}  // namespace plumbago::tenant_controller
