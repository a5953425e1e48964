#include "store/trash.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "store/job_steps.h"

namespace plumbago::store {
namespace {

constexpr size_t kBatchNames = 500;

std::string FormatTime(int64_t unix_seconds) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(unix_seconds),
                          absl::UTCTimeZone());
}

}  // namespace

absl::Status Trash::Entry::AddNames(absl::Span<const std::string> metrics) {
  // What it is first: a crash leaves an entry that is listed and can be restored.
  if (!std::exchange(is_made_, true)) PLUMBAGO_RETURN_IF_ERROR(set_.WriteAbout(about_));
  return set_.AddNames(metrics);
}

void Trash::Entry::Count(uint64_t file_bytes) {
  ++about_.series_count;
  about_.file_bytes += file_bytes;
}

absl::Status Trash::Entry::Close() {
  if (!is_made_) return absl::OkStatus();
  return about_.series_count == 0 ? set_.Remove() : set_.WriteAbout(about_);
}

absl::StatusOr<JobRunner::Planned> Trash::PlanDelete(const std::string& tenant,
                                                     const v1::DeleteSeries& request,
                                                     bool is_dry_run) {
  PLUMBAGO_RETURN_IF_ERROR(CheckTenant(tenant));
  if (request.pattern().empty() == request.metric().empty()) {
    return absl::InvalidArgumentError(
        "delete needs a pattern, or metrics, and not both; ** is everything");
  }
  JobRunner::Description job{.tenant = tenant,
                             .text = absl::StrCat("delete ", request.pattern()),
                             .is_dry_run = is_dry_run};
  if (request.pattern().empty()) {
    std::vector<std::string> metrics(request.metric().begin(), request.metric().end());
    std::sort(metrics.begin(), metrics.end());
    metrics.erase(std::unique(metrics.begin(), metrics.end()), metrics.end());
    job.text = absl::StrCat("delete ", base::Excerpt(metrics.front()));
    if (metrics.size() > 1) absl::StrAppend(&job.text, " and ", metrics.size() - 1, " more");
    return JobRunner::Planned{.description = job,
                              .work = [this, job, metrics](JobProgress& progress) {
                                return SetAside(progress, job, metrics);
                              }};
  }
  return JobRunner::Planned{
      .description = job, .work = [this, job, pattern = request.pattern()](JobProgress& progress) {
        return Delete(progress, job, pattern, std::nullopt);
      }};
}

absl::StatusOr<JobRunner::Planned> Trash::PlanExpire(const std::string& tenant,
                                                     const v1::ExpireSeries& request,
                                                     bool is_dry_run) {
  PLUMBAGO_RETURN_IF_ERROR(CheckTenant(tenant));
  const int64_t before = request.before_unix_seconds();
  if (before <= 0 || before > tree_.clock().UnixSeconds()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "before_unix_seconds is ", before, "; it must be after 1970 and not in the future"));
  }
  JobRunner::Description job{
      .tenant = tenant,
      .text = absl::StrCat("expire ", request.pattern().empty() ? "**" : request.pattern(),
                           " without a point since ", FormatTime(before)),
      .is_dry_run = is_dry_run};
  return JobRunner::Planned{
      .description = job,
      .work = [this, job, pattern = request.pattern(), before](JobProgress& progress) {
        return Delete(progress, job, pattern, before);
      }};
}

absl::Status Trash::Delete(JobProgress& progress, const JobRunner::Description& job,
                           const std::string& pattern, std::optional<int64_t> before_unix_seconds) {
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<std::string> metrics, tree_.Select(job.tenant, pattern));
  if (before_unix_seconds) {
    // By the file: the index may be a scan behind.
    const auto is_fresh = [&](const std::string& metric) {
      const auto file = tree_.Stat(SeriesName(job.tenant, metric));
      return !file.ok() || file->modified_unix_seconds >= *before_unix_seconds;
    };
    metrics.erase(std::remove_if(metrics.begin(), metrics.end(), is_fresh), metrics.end());
  }
  return SetAside(progress, job, metrics);
}

absl::Status Trash::SetAside(JobProgress& progress, const JobRunner::Description& job,
                             const std::vector<std::string>& metrics) {
  progress.SetTotal(metrics.size());
  if (job.is_dry_run) {
    return ForEachSeries(progress, job.tenant, metrics, [&](const SeriesName& name) {
      const auto file = tree_.Stat(name);
      if (!file.ok()) return file.status();
      progress.AddBytes(file->size_bytes);
      progress.AddItem(absl::StrCat(std::string(name.metric()), " (", file->size_bytes, " bytes)"));
      return absl::OkStatus();
    });
  }
  Entry entry = NewEntry(job.tenant, job.text);
  absl::Status status;
  for (size_t first = 0; first < metrics.size() && status.ok(); first += kBatchNames) {
    const auto batch = absl::MakeConstSpan(metrics).subspan(first, kBatchNames);
    status = entry.AddNames(batch);
    if (!status.ok()) break;
    status = ForEachSeries(progress, job.tenant, batch, [&](const SeriesName& name) {
      const auto file_bytes = tree_.SetAside(name, entry.set());
      if (!file_bytes.ok()) return file_bytes.status();
      entry.Count(*file_bytes);
      progress.AddBytes(*file_bytes);
      return absl::OkStatus();
    });
    tree_.RemoveEmptyDirectories(job.tenant, batch);
  }
  status.Update(entry.Close());
  return status;
}

absl::StatusOr<JobRunner::Planned> Trash::PlanRestore(const std::string& tenant,
                                                      const v1::RestoreTrash& request,
                                                      bool is_dry_run) {
  PLUMBAGO_RETURN_IF_ERROR(CheckTenant(tenant));
  PLUMBAGO_RETURN_IF_ERROR(CheckSetName(request.id()));
  const SeriesSet set(tree_.file_system(), absl::StrCat(DirectoryOf(tenant), "/", request.id()));
  const auto about = set.ReadAbout();
  if (absl::IsNotFound(about.status())) {
    return absl::NotFoundError(absl::StrCat("the trash of tenant ", tenant, " has no entry ",
                                            request.id(), "; trash list shows all"));
  }
  if (!about.ok()) return about.status();
  JobRunner::Description job{
      .tenant = tenant,
      .text = absl::StrCat("restore ", request.id(), " (", about->description, ")"),
      .is_dry_run = is_dry_run};
  return JobRunner::Planned{.description = job,
                            .work = [this, job, id = request.id()](JobProgress& progress) {
                              return Restore(progress, job, id);
                            }};
}

absl::Status Trash::Restore(JobProgress& progress, const JobRunner::Description& job,
                            const std::string& id) {
  SeriesSet set(tree_.file_system(), absl::StrCat(DirectoryOf(job.tenant), "/", id));
  std::vector<std::string> metrics;
  PLUMBAGO_RETURN_IF_ERROR(set.ForEach(job.tenant, [&](const SeriesName& name, uint64_t) {
    metrics.emplace_back(name.metric());
    return true;
  }));
  progress.SetTotal(metrics.size());
  const absl::Status status =
      ForEachSeries(progress, job.tenant, metrics, [&](const SeriesName& name) -> absl::Status {
        PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, set.PathOf(name));
        PLUMBAGO_ASSIGN_OR_RETURN(const auto file, tree_.file_system().Stat(path));
        progress.AddBytes(file.size_bytes);
        if (job.is_dry_run) return absl::OkStatus();
        PLUMBAGO_ASSIGN_OR_RETURN(const PutOutcome outcome,
                                  tree_.Put(name, path, PutMode::kCreateOrFill));
        if (outcome != PutOutcome::kFilled) return absl::OkStatus();
        progress.AddItem(absl::StrCat(std::string(name.metric()),
                                      ": is there again; only its gaps were filled"));
        return tree_.file_system().Remove(path);
      });
  PLUMBAGO_RETURN_IF_ERROR(status);
  if (job.is_dry_run) return absl::OkStatus();
  // What could not be put back is kept.
  PLUMBAGO_ASSIGN_OR_RETURN(const bool has_files, set.HasFiles());
  return has_files ? absl::OkStatus() : set.Remove();
}

absl::StatusOr<std::vector<SeriesSetAbout>> Trash::List(absl::string_view tenant) const {
  PLUMBAGO_RETURN_IF_ERROR(CheckTenant(tenant));
  return ListSeriesSets(tree_.file_system(), DirectoryOf(tenant));
}

Trash::Entry Trash::NewEntry(absl::string_view tenant, absl::string_view description) const {
  const absl::Time now = tree_.clock().Now();
  const std::string time = absl::FormatTime("%Y%m%dt%H%M%Sz", now, absl::UTCTimeZone());
  for (int number = 1;; ++number) {
    const std::string id = absl::StrCat(time, "-", number);
    const std::string directory = absl::StrCat(DirectoryOf(tenant), "/", id);
    if (tree_.file_system().Stat(directory).ok()) continue;  // one of this very second
    return Entry(SeriesSet(tree_.file_system(), directory),
                 {.name = id,
                  .description = std::string(description),
                  .created_unix_seconds = absl::ToUnixSeconds(now)});
  }
}

void Trash::PurgeExpired() {
  const int64_t now = tree_.clock().UnixSeconds();
  const auto tenants = tree_.file_system().ListDirectory(options_.directory);
  if (!tenants.ok()) return;  // nothing was ever deleted
  for (const base::DirectoryEntry& tenant : *tenants) {
    const auto sets = List(tenant.name);
    if (!sets.ok()) continue;
    for (const SeriesSetAbout& about : *sets) {
      if (about.created_unix_seconds + absl::ToInt64Seconds(options_.retention) > now) continue;
      SeriesSet set(tree_.file_system(), absl::StrCat(DirectoryOf(tenant.name), "/", about.name));
      const absl::Status removed = set.Remove();
      const std::string what = absl::StrCat("trash of tenant ", tenant.name, ": ", about.name, " (",
                                            about.description, "), series=", about.series_count);
      if (removed.ok()) {
        base::LogInfo(absl::StrCat("purged ", what));
      } else {
        base::LogError(absl::StrCat("cannot purge ", what, ": ", std::string(removed.message())));
      }
    }
  }
}

std::string Trash::DirectoryOf(absl::string_view tenant) const {
  return absl::StrCat(options_.directory, "/", tenant);
}

}  // namespace plumbago::store
