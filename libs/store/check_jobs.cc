#include "store/check_jobs.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "store/name_list.h"
#include "whisper/verify.h"

namespace plumbago::store {
namespace {

class Verification {
 public:
  Verification(SeriesTree& tree, JobProgress& progress) : tree_(tree), progress_(progress) {}

  absl::Status Run(const std::string& tenant) {
    if (!tenant.empty()) return VerifyTenant(tenant);
    PLUMBAGO_ASSIGN_OR_RETURN(const auto tenants,
                              tree_.file_system().ListDirectory(tree_.directory()));
    for (const base::DirectoryEntry& entry : tenants) {
      if (!entry.is_directory || !CheckTenant(entry.name).ok()) {
        Report(entry.name, "is no directory of a tenant");
        continue;
      }
      PLUMBAGO_RETURN_IF_ERROR(VerifyTenant(entry.name));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status VerifyTenant(const std::string& tenant) {
    std::vector<std::string> pending = {""};  // below the tenant's directory, with a slash
    while (!pending.empty()) {
      const std::string directory = std::move(pending.back());
      pending.pop_back();
      const auto entries = tree_.file_system().ListDirectory(
          absl::StrCat(tree_.directory(), "/", tenant, directory));
      if (absl::IsNotFound(entries.status())) continue;
      if (!entries.ok()) {
        Report(tenant + directory, entries.status().message());
        continue;
      }
      for (const base::DirectoryEntry& entry : *entries) {
        PLUMBAGO_RETURN_IF_ERROR(progress_.CheckCancelled());
        const std::string path = absl::StrCat(directory, "/", entry.name);
        if (entry.is_directory) {
          pending.push_back(path);
        } else {
          PLUMBAGO_RETURN_IF_ERROR(VerifyEntry(tenant, path, entry));
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status VerifyEntry(const std::string& tenant, const std::string& path,
                           const base::DirectoryEntry& entry) {
    if (!entry.is_regular) {
      Report(tenant + path, "is no regular file; it is not followed");
      return absl::OkStatus();
    }
    if (!absl::EndsWith(path, ".wsp")) {
      if (path.substr(1) != kTaggedNamesPath) progress_.AddSkipped();
      return absl::OkStatus();
    }
    const bool is_tagged = absl::StartsWith(path, "/_tagged/");
    if (!is_tagged && !MetricOfPath(path.substr(1)).ok()) {
      Report(tenant + path, "is foreign: no series has this path");
      return absl::OkStatus();
    }
    absl::Status status = VerifyFile(tenant + path);
    // A point that is just being written looks like a misplaced one: look again between two writes.
    // The file's own name is enough to wait for its writer only where the path tells it.
    if (!status.ok() && !is_tagged) {
      const SeriesName name(tenant, *MetricOfPath(path.substr(1)));
      absl::Status again;
      PLUMBAGO_RETURN_IF_ERROR(tree_.store().RunExclusive(name, [&] {
        again = VerifyFile(tenant + path);
        return absl::OkStatus();
      }));
      status = again;
    }
    if (absl::IsNotFound(status) && !tree_.file_system().Stat(FullPath(tenant + path)).ok()) {
      return absl::OkStatus();  // deleted meanwhile
    }
    if (status.ok()) {
      progress_.AddDone();
    } else {
      Report(tenant + path, status.message());
    }
    return absl::OkStatus();
  }

  absl::Status VerifyFile(const std::string& path) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto file, tree_.file_system().OpenForRead(FullPath(path)));
    PLUMBAGO_ASSIGN_OR_RETURN(const whisper::FileReport report, whisper::Verify(*file));
    if (report.is_sound()) return absl::OkStatus();
    uint64_t misplaced_count = 0;
    for (const auto& archive : report.archives) misplaced_count += archive.misplaced_count;
    return absl::DataLossError(
        absl::StrCat(misplaced_count, " slots hold a time that belongs elsewhere"));
  }

  void Report(absl::string_view path, absl::string_view problem) {
    progress_.AddFailed();
    progress_.AddItem(absl::StrCat(base::Excerpt(path), ": ", problem));
  }

  std::string FullPath(absl::string_view path) const {
    return absl::StrCat(tree_.directory(), "/", path);
  }

  SeriesTree& tree_;
  JobProgress& progress_;
};

}  // namespace

absl::StatusOr<JobRunner::Planned> PlanRescan(SeriesTree& tree) {
  return JobRunner::Planned{
      .description = {.tenant = "", .text = "rescan", .is_dry_run = false},
      .work = [&tree](JobProgress& progress) -> absl::Status {
        PLUMBAGO_ASSIGN_OR_RETURN(const ScanResult result, tree.store().Rescan());
        progress.SetTotal(result.file_count);
        progress.AddDone(result.file_count);
        progress.AddSkipped(result.ignored_count);
        progress.AddItem(absl::StrCat("added ", result.added_count, " series, removed ",
                                      result.removed_count, ", ignored ", result.ignored_count,
                                      " files whose paths are no series'"));
        return absl::OkStatus();
      }};
}

absl::StatusOr<JobRunner::Planned> PlanVerify(SeriesTree& tree, const std::string& tenant) {
  if (!tenant.empty()) PLUMBAGO_RETURN_IF_ERROR(CheckTenant(tenant));
  return JobRunner::Planned{
      .description = {.tenant = tenant, .text = "verify", .is_dry_run = false},
      .work = [&tree, tenant](JobProgress& progress) {
        return Verification(tree, progress).Run(tenant);
      }};
}

}  // namespace plumbago::store
