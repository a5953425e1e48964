#include "store/snapshots.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "store/job_steps.h"

namespace plumbago::store {

absl::StatusOr<JobRunner::Planned> Snapshots::PlanCreate(const std::string& tenant,
                                                         const v1::CreateSnapshot& request,
                                                         bool is_dry_run) {
  PLUMBAGO_RETURN_IF_ERROR(CheckTenant(tenant));
  PLUMBAGO_RETURN_IF_ERROR(CheckSetName(request.name()));
  const absl::Status taken = Find(tenant, request.name()).status();
  if (taken.ok()) {
    return absl::AlreadyExistsError(absl::StrCat("tenant ", tenant, " has a snapshot ",
                                                 request.name(),
                                                 " already; drop it first, or "
                                                 "take another name"));
  }
  if (!absl::IsNotFound(taken)) return taken;
  JobRunner::Description job{.tenant = tenant,
                             .text = absl::StrCat("snapshot ", request.name()),
                             .is_dry_run = is_dry_run};
  return JobRunner::Planned{.description = job,
                            .work = [this, job, name = request.name()](JobProgress& progress) {
                              return Create(progress, job, name);
                            }};
}

absl::Status Snapshots::Create(JobProgress& progress, const JobRunner::Description& job,
                               const std::string& name) {
  SeriesSet set(tree_.file_system(), absl::StrCat(DirectoryOf(job.tenant), "/", name));
  SeriesSetAbout about{
      .name = name, .description = job.text, .created_unix_seconds = tree_.clock().UnixSeconds()};
  if (job.is_dry_run) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto metrics, tree_.Select(job.tenant, ""));
    progress.SetTotal(metrics.size());
    return absl::OkStatus();
  }
  PLUMBAGO_RETURN_IF_ERROR(set.Remove());  // the remains of one that was not completed
  absl::Status status = MakeDirectories(job.tenant, set);
  if (status.ok()) status = LinkAll(progress, job.tenant, set, &about);
  if (status.ok()) status = set.WriteAbout(about);
  if (!status.ok()) set.Remove().IgnoreError();  // the first error is the one to report
  return status;
}

// Before the pause, so that it is for links alone.
absl::Status Snapshots::MakeDirectories(const std::string& tenant, const SeriesSet& set) {
  absl::flat_hash_set<std::string> made;
  PLUMBAGO_ASSIGN_OR_RETURN(const auto metrics, tree_.Select(tenant, ""));
  for (const std::string& metric : metrics) {
    const auto path = set.PathOf(SeriesName(tenant, metric));
    if (!path.ok()) continue;
    std::string parent = path->substr(0, path->rfind('/'));
    if (made.contains(parent)) continue;
    PLUMBAGO_RETURN_IF_ERROR(tree_.file_system().CreateDirectories(parent));
    made.insert(std::move(parent));
  }
  return absl::OkStatus();
}

absl::Status Snapshots::LinkAll(JobProgress& progress, const std::string& tenant, SeriesSet& set,
                                SeriesSetAbout* about) {
  base::FileSystem& file_system = tree_.file_system();
  std::vector<std::string> linked;
  const absl::Duration start = tree_.clock().Monotonic();
  const absl::Status paused = tree_.store().RunPaused([&]() -> absl::Status {
    // After the links, whatever comes of them: each file is looked at before its next update.
    absl::Status status;
    auto metrics = tree_.Select(tenant, "");
    if (!metrics.ok()) return metrics.status();
    progress.SetTotal(metrics->size());
    for (std::string& metric : *metrics) {
      status = progress.CheckCancelled();
      if (!status.ok()) break;
      const SeriesName name(tenant, metric);
      const auto path = tree_.PathOf(name);
      if (!path.ok()) continue;
      status = LinkInto(file_system, *path, set.PathOf(name).value());
      if (absl::IsNotFound(status)) {  // in the index, and not on the disk
        status = absl::OkStatus();
        continue;
      }
      if (!status.ok()) break;
      linked.push_back(std::move(metric));
    }
    tree_.store().files().ExpectNewLinks();
    return status;
  });
  PLUMBAGO_RETURN_IF_ERROR(paused);
  base::LogInfo(absl::StrCat(
      "snapshot of tenant ", tenant, ": links=", linked.size(),
      " writes_paused_seconds=", absl::ToDoubleSeconds(tree_.clock().Monotonic() - start)));
  PLUMBAGO_RETURN_IF_ERROR(set.AddNames(linked));
  PLUMBAGO_RETURN_IF_ERROR(set.ForEach(tenant, [&](const SeriesName&, uint64_t file_bytes) {
    ++about->series_count;
    about->file_bytes += file_bytes;
    progress.AddDone();
    progress.AddBytes(file_bytes);
    return true;
  }));
  // What it is made of is durable before it is called complete.
  return file_system.SyncFileSystem(tree_.directory());
}

absl::StatusOr<JobRunner::Planned> Snapshots::PlanRestore(const std::string& tenant,
                                                          const v1::RestoreSnapshot& request,
                                                          bool is_dry_run) {
  PLUMBAGO_RETURN_IF_ERROR(Find(tenant, request.name()).status());
  JobRunner::Description job{.tenant = tenant,
                             .text = absl::StrCat("restore snapshot ", request.name()),
                             .is_dry_run = is_dry_run};
  return JobRunner::Planned{.description = job,
                            .work = [this, job, name = request.name()](JobProgress& progress) {
                              return Restore(progress, job, name);
                            }};
}

absl::Status Snapshots::Restore(JobProgress& progress, const JobRunner::Description& job,
                                const std::string& snapshot) {
  PLUMBAGO_ASSIGN_OR_RETURN(SeriesSet set, Find(job.tenant, snapshot));
  std::vector<std::string> kept;
  PLUMBAGO_RETURN_IF_ERROR(set.ForEach(job.tenant, [&](const SeriesName& name, uint64_t) {
    kept.emplace_back(name.metric());
    return true;
  }));
  PLUMBAGO_ASSIGN_OR_RETURN(auto surplus, tree_.Select(job.tenant, ""));
  Trash::Entry entry =
      trash_.NewEntry(job.tenant, absl::StrCat("before the restore of snapshot ", snapshot));
  if (!job.is_dry_run) PLUMBAGO_RETURN_IF_ERROR(entry.AddNames(surplus));
  if (!job.is_dry_run) PLUMBAGO_RETURN_IF_ERROR(entry.AddNames(kept));
  const absl::flat_hash_set<absl::string_view> is_kept(kept.begin(), kept.end());
  surplus.erase(std::remove_if(surplus.begin(), surplus.end(),
                               [&](const std::string& metric) { return is_kept.contains(metric); }),
                surplus.end());
  progress.SetTotal(kept.size() + surplus.size());
  const auto count = [&](const absl::StatusOr<uint64_t>& file_bytes) {
    if (file_bytes.ok() && *file_bytes > 0) entry.Count(*file_bytes);
    return file_bytes.status();
  };
  absl::Status status =
      ForEachSeries(progress, job.tenant, surplus, [&](const SeriesName& name) -> absl::Status {
        progress.AddItem(absl::StrCat(std::string(name.metric()), ": not in the snapshot; ",
                                      job.is_dry_run ? "would go" : "went", " to the trash"));
        return job.is_dry_run ? absl::OkStatus() : count(tree_.SetAside(name, entry.set()));
      });
  if (status.ok()) {
    status = ForEachSeries(progress, job.tenant, kept, [&](const SeriesName& name) -> absl::Status {
      if (job.is_dry_run) return absl::OkStatus();
      PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, set.PathOf(name));
      return count(tree_.LinkIn(name, path, entry.set()));
    });
  }
  status.Update(entry.Close());
  if (!job.is_dry_run) tree_.RemoveEmptyDirectories(job.tenant, surplus);
  return status;
}

absl::StatusOr<JobRunner::Planned> Snapshots::PlanDrop(const std::string& tenant,
                                                       const v1::DropSnapshot& request,
                                                       bool is_dry_run) {
  PLUMBAGO_RETURN_IF_ERROR(Find(tenant, request.name()).status());
  JobRunner::Description job{.tenant = tenant,
                             .text = absl::StrCat("drop snapshot ", request.name()),
                             .is_dry_run = is_dry_run};
  return JobRunner::Planned{
      .description = job,
      .work = [this, job, name = request.name()](JobProgress& progress) -> absl::Status {
        PLUMBAGO_ASSIGN_OR_RETURN(SeriesSet set, Find(job.tenant, name));
        PLUMBAGO_ASSIGN_OR_RETURN(const SeriesSetAbout about, set.ReadAbout());
        progress.SetTotal(about.series_count);
        if (!job.is_dry_run) PLUMBAGO_RETURN_IF_ERROR(set.Remove());
        progress.AddDone(about.series_count);
        progress.AddBytes(about.file_bytes);
        return absl::OkStatus();
      }};
}

absl::StatusOr<std::vector<SeriesSetAbout>> Snapshots::List(absl::string_view tenant) const {
  PLUMBAGO_RETURN_IF_ERROR(CheckTenant(tenant));
  return ListSeriesSets(tree_.file_system(), DirectoryOf(tenant));
}

absl::StatusOr<SeriesSet> Snapshots::Find(const std::string& tenant,
                                          const std::string& name) const {
  PLUMBAGO_RETURN_IF_ERROR(CheckTenant(tenant));
  PLUMBAGO_RETURN_IF_ERROR(CheckSetName(name));
  SeriesSet set(tree_.file_system(), absl::StrCat(DirectoryOf(tenant), "/", name));
  const absl::Status status = set.ReadAbout().status();
  if (status.ok()) return set;
  if (!absl::IsNotFound(status)) return status;
  return absl::NotFoundError(
      absl::StrCat("tenant ", tenant, " has no snapshot ", name, "; snapshot list shows all"));
}

std::string Snapshots::DirectoryOf(absl::string_view tenant) const {
  return absl::StrCat(directory_, "/", tenant);
}

}  // namespace plumbago::store
