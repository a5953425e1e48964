#include "operations.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "store/check_jobs.h"

namespace plumbago::store_service {

Operations::Operations(const Dependencies& dependencies, const Options& options)
    : tree_({.clock = dependencies.clock,
             .file_system = dependencies.file_system,
             .index = dependencies.index,
             .store = dependencies.store},
            absl::StrCat(options.data_directory, "/whisper")),
      staging_(dependencies.file_system, absl::StrCat(options.data_directory, "/incoming")),
      trash_(tree_, {.directory = absl::StrCat(options.data_directory, "/trash"),
                     .retention = options.trash_retention}),
      snapshots_(tree_, trash_, absl::StrCat(options.data_directory, "/snapshots")),
      peers_(dependencies.file_system, dependencies.topology),
      mover_(tree_, trash_, staging_, peers_),
      jobs_(dependencies.clock, {.housekeeping = [this] { trash_.PurgeExpired(); }}) {}

absl::Status Operations::Start() {
  PLUMBAGO_RETURN_IF_ERROR(staging_.Clear());
  jobs_.Start();
  return absl::OkStatus();
}

absl::StatusOr<store::JobRunner::Planned> Operations::Plan(const v1::StartJobRequest& request) {
  const std::string& tenant = request.tenant();
  switch (request.work_case()) {
    case v1::StartJobRequest::kDeleteSeries:
      return trash_.PlanDelete(tenant, request.delete_series(), request.dry_run());
    case v1::StartJobRequest::kExpireSeries:
      return trash_.PlanExpire(tenant, request.expire_series(), request.dry_run());
    case v1::StartJobRequest::kRestoreTrash:
      return trash_.PlanRestore(tenant, request.restore_trash(), request.dry_run());
    case v1::StartJobRequest::kMoveSeries:
      return mover_.Plan(tenant, request.shard(), request.move_series(), request.dry_run());
    case v1::StartJobRequest::kCreateSnapshot:
      return snapshots_.PlanCreate(tenant, request.create_snapshot(), request.dry_run());
    case v1::StartJobRequest::kRestoreSnapshot:
      return snapshots_.PlanRestore(tenant, request.restore_snapshot(), request.dry_run());
    case v1::StartJobRequest::kDropSnapshot:
      return snapshots_.PlanDrop(tenant, request.drop_snapshot(), request.dry_run());
    case v1::StartJobRequest::kRescan:
      return store::PlanRescan(tree_);
    case v1::StartJobRequest::kVerifyFiles:
      return store::PlanVerify(tree_, tenant);
    default:
      return absl::InvalidArgumentError("the request names no kind of job that this store knows");
  }
}

}  // namespace plumbago::store_service
