#include "store/series_mover.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "metric/glob.h"
#include "store/job_steps.h"

namespace plumbago::store {
namespace {

// Made durable at their new holders before they are set aside.
constexpr size_t kBatchSeries = 500;

absl::Status CheckBranch(const std::string& tenant, absl::string_view branch) {
  if (metric::HasWildcards(branch)) {
    return absl::InvalidArgumentError(absl::StrCat("\"", base::Excerpt(branch),
                                                   "\" has wildcards; a move takes a series or a "
                                                   "branch by its name"));
  }
  return SeriesPath(SeriesName(tenant, branch)).status();
}

}  // namespace

absl::StatusOr<JobRunner::Planned> SeriesMover::Plan(const std::string& tenant,
                                                     const std::string& own_shard,
                                                     const v1::MoveSeries& request,
                                                     bool is_dry_run) {
  PLUMBAGO_RETURN_IF_ERROR(CheckBranch(tenant, request.from()));
  PLUMBAGO_RETURN_IF_ERROR(CheckBranch(tenant, request.to()));
  if (request.from() == request.to()) {
    return absl::InvalidArgumentError("the new name is the old one");
  }
  Move move{.job = {.tenant = tenant,
                    .text = absl::StrCat(request.is_copy() ? "copy " : "rename ", request.from(),
                                         " to ", request.to()),
                    .is_dry_run = is_dry_run},
            .own_shard = own_shard,
            .from = request.from(),
            .to = request.to(),
            .is_copy = request.is_copy()};
  PLUMBAGO_RETURN_IF_ERROR(
      peers_.HoldersOf(SeriesName(tenant, request.from()), own_shard).status());
  return JobRunner::Planned{.description = move.job, .work = [this, move](JobProgress& progress) {
                              return Run(progress, move);
                            }};
}

absl::Status SeriesMover::Run(JobProgress& progress, const Move& move) {
  const std::string& tenant = move.job.tenant;
  PLUMBAGO_ASSIGN_OR_RETURN(auto metrics, tree_.Select(tenant, move.from));
  if (move.from.find(';') == std::string::npos) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto below,
                              tree_.Select(tenant, absl::StrCat(move.from, ".**")));
    metrics.insert(metrics.end(), below.begin(), below.end());
  }
  progress.SetTotal(metrics.size());
  Trash::Entry entry = trash_.NewEntry(tenant, move.job.text);
  absl::Status status;
  for (size_t first = 0; first < metrics.size() && status.ok(); first += kBatchSeries) {
    const auto batch = absl::MakeConstSpan(metrics).subspan(first, kBatchSeries);
    std::vector<std::string> moved;
    status = ForEachSeries(progress, tenant, batch, [&](const SeriesName& name) {
      const absl::Status put = PutOne(progress, move, name);
      if (put.ok()) moved.emplace_back(name.metric());
      return put;
    });
    if (move.job.is_dry_run || moved.empty()) continue;
    status.Update(peers_.Sync());
    if (!status.ok() || move.is_copy) continue;
    status = entry.AddNames(moved);
    for (const std::string& metric : moved) {
      if (!status.ok()) break;
      const auto file_bytes = tree_.SetAside(SeriesName(tenant, metric), entry.set());
      if (file_bytes.ok()) entry.Count(*file_bytes);
      if (!absl::IsNotFound(file_bytes.status())) status = file_bytes.status();
    }
    tree_.RemoveEmptyDirectories(tenant, moved);
  }
  status.Update(entry.Close());
  return status;
}

absl::Status SeriesMover::PutOne(JobProgress& progress, const Move& move, const SeriesName& name) {
  const SeriesName target(name.tenant(), move.NewName(name.metric()));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto holders, peers_.HoldersOf(name, move.own_shard));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto targets, peers_.HoldersOf(target, move.own_shard));
  PLUMBAGO_ASSIGN_OR_RETURN(const base::FileInfo file, tree_.Stat(name));
  const bool is_held = std::any_of(holders.begin(), holders.end(),
                                   [](const auto& holder) { return holder.is_this; });
  const bool decides = holders.front().is_this || !is_held;
  if (decides) {
    PLUMBAGO_RETURN_IF_ERROR(CheckAbsent(targets, target));
  } else if (move.is_copy) {
    return absl::AlreadyExistsError("is copied by the preferred store of its slot");
  } else {
    PLUMBAGO_ASSIGN_OR_RETURN(const bool is_left, peers_.Has(holders.front(), name));
    if (is_left) return absl::AlreadyExistsError("is left at the preferred store of its slot");
  }
  progress.AddBytes(file.size_bytes);
  if (move.job.is_dry_run) {
    progress.AddItem(
        absl::StrCat(std::string(name.metric()), " -> ", std::string(target.metric())));
    return absl::OkStatus();
  }
  const PutMode mode = decides ? PutMode::kCreateOnly : PutMode::kCreateOrFill;
  for (const SeriesPeers::Holder& holder : targets) {
    PLUMBAGO_RETURN_IF_ERROR(PutTo(holder, name, target, mode));
  }
  return absl::OkStatus();
}

// All before the first is put, so that none is made where another has been found.
absl::Status SeriesMover::CheckAbsent(const std::vector<SeriesPeers::Holder>& holders,
                                      const SeriesName& name) {
  for (const SeriesPeers::Holder& holder : holders) {
    absl::StatusOr<bool> is_there =
        holder.is_this ? tree_.Stat(name).ok() : peers_.Has(holder, name);
    if (!is_there.ok()) return is_there.status();
    if (*is_there) {
      return absl::AlreadyExistsError(
          absl::StrCat("left alone, because ", std::string(name.metric()), " is there already"));
    }
  }
  return absl::OkStatus();
}

absl::Status SeriesMover::PutTo(const SeriesPeers::Holder& holder, const SeriesName& from,
                                const SeriesName& to, PutMode mode) {
  const std::string copy = staging_.NewPath();
  PLUMBAGO_RETURN_IF_ERROR(tree_.CopyOut(from, copy));
  const auto outcome =
      holder.is_this ? tree_.Put(to, copy, mode) : peers_.Put(holder, to, copy, mode);
  tree_.file_system().Remove(copy).IgnoreError();  // gone already, where it was put in
  if (!outcome.ok()) return outcome.status();
  if (*outcome != PutOutcome::kExists) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat("left alone, because ", std::string(to.metric()),
                                               " has just been made by someone else"));
}

}  // namespace plumbago::store
