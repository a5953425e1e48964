#include "store/series_tree.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "whisper/fill.h"

namespace plumbago::store {

absl::StatusOr<std::vector<std::string>> SeriesTree::Select(absl::string_view tenant,
                                                            absl::string_view pattern) const {
  PLUMBAGO_RETURN_IF_ERROR(CheckTenant(tenant));
  std::vector<std::string> selected;
  if (!pattern.empty()) {
    PLUMBAGO_ASSIGN_OR_RETURN(auto nodes, dependencies_.index.Find(tenant, pattern, kSelectedMax));
    for (index::Node& node : nodes) {
      if (node.is_leaf) selected.push_back(std::move(node.path));
    }
    return selected;
  }
  PLUMBAGO_RETURN_IF_ERROR(dependencies_.index.ListSeries(tenant, [&](absl::string_view metric) {
    selected.emplace_back(metric);
    return selected.size() <= kSelectedMax;
  }));
  if (selected.size() <= kSelectedMax) return selected;
  return absl::ResourceExhaustedError(absl::StrCat(
      "more than ", kSelectedMax, " series, the most for one job; give a pattern for a part"));
}

absl::StatusOr<std::string> SeriesTree::PathOf(const SeriesName& name) const {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(name));
  return absl::StrCat(directory_, "/", path);
}

absl::StatusOr<std::string> SeriesTree::SafePathOf(const SeriesName& name) const {
  PLUMBAGO_ASSIGN_OR_RETURN(std::string path, PathOf(name));
  for (size_t slash = path.find('/', directory_.size() + 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    const auto info = dependencies_.file_system.Stat(parent);
    if (absl::IsNotFound(info.status())) break;  // so there is nothing further down
    if (!info.ok()) return info.status();
    if (info->is_directory) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(parent, " is no directory; links in the tree are not followed"));
  }
  return path;
}

absl::StatusOr<base::FileInfo> SeriesTree::Stat(const SeriesName& name) const {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, PathOf(name));
  return dependencies_.file_system.Stat(path);
}

absl::StatusOr<uint64_t> SeriesTree::SetAside(const SeriesName& name, const SeriesSet& set) {
  uint64_t file_bytes = 0;
  const absl::Status status = dependencies_.store.RunExclusive(name, [&]() -> absl::Status {
    auto moved = MoveAside(name, set);
    // Without a file there is no series either.
    if (moved.ok() || absl::IsNotFound(moved.status())) {
      PLUMBAGO_RETURN_IF_ERROR(dependencies_.index.Remove(name.tenant(), name.metric()));
    }
    if (moved.ok()) file_bytes = *moved;
    return moved.status();
  });
  if (!status.ok()) return status;
  return file_bytes;
}

absl::StatusOr<uint64_t> SeriesTree::MoveAside(const SeriesName& name, const SeriesSet& set) {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SafePathOf(name));
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string aside, set.PathOf(name));
  PLUMBAGO_ASSIGN_OR_RETURN(const base::FileInfo info, dependencies_.file_system.Stat(path));
  if (!info.is_regular) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is no regular file; it is left alone"));
  }
  PLUMBAGO_RETURN_IF_ERROR(RenameInto(dependencies_.file_system, path, aside));
  return info.size_bytes;
}

absl::StatusOr<PutOutcome> SeriesTree::Put(const SeriesName& name, const std::string& path,
                                           PutMode mode) {
  PutOutcome outcome = PutOutcome::kAbsent;
  const absl::Status status = dependencies_.store.RunExclusive(name, [&]() -> absl::Status {
    PLUMBAGO_ASSIGN_OR_RETURN(outcome, PutNow(name, path, mode));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return outcome;
}

absl::StatusOr<PutOutcome> SeriesTree::PutNow(const SeriesName& name, const std::string& path,
                                              PutMode mode) {
  SeriesFiles& files = dependencies_.store.files();
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string target, SafePathOf(name));
  const absl::Status present = files.Open(name).status();
  if (absl::IsNotFound(present)) {
    if (mode == PutMode::kFillOnly) return PutOutcome::kAbsent;
    PLUMBAGO_RETURN_IF_ERROR(RenameInto(dependencies_.file_system, path, target));
    PLUMBAGO_RETURN_IF_ERROR(AddToIndex(name));
    return PutOutcome::kInstalled;
  }
  if (mode == PutMode::kCreateOnly) return PutOutcome::kExists;
  PLUMBAGO_RETURN_IF_ERROR(present);
  PLUMBAGO_ASSIGN_OR_RETURN(const SeriesFiles::Result opened, files.OpenForUpdate(name));
  PLUMBAGO_RETURN_IF_ERROR(Fill(*opened.file, path));
  return PutOutcome::kFilled;
}

absl::Status SeriesTree::Fill(SeriesFile& target, const std::string& source_path) {
  PLUMBAGO_RETURN_IF_ERROR(whisper::CheckWritable(target.header()));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto source, dependencies_.file_system.OpenForRead(source_path));
  auto header = whisper::ReadHeader(*source);
  if (!header.ok()) return base::Annotate(header.status(), source_path);
  whisper::BaseTimes base_times;
  base::MutexLock lock(target.mutex);
  return whisper::FillGaps({*source, *header, base_times}, target.open(),
                           dependencies_.clock.UnixSeconds(), whisper::GapRule::kMissingOnly);
}

absl::Status SeriesTree::AddToIndex(const SeriesName& name) {
  PLUMBAGO_ASSIGN_OR_RETURN(const base::FileInfo file, Stat(name));
  const int64_t modified = std::clamp<int64_t>(file.modified_unix_seconds, 0, UINT32_MAX);
  const std::vector<index::SeriesEntry> entries = {
      {std::string(name.metric()), {file.size_bytes, static_cast<uint32_t>(modified)}}};
  PLUMBAGO_RETURN_IF_ERROR(dependencies_.store.files().KeepTaggedNames(name.tenant(), entries));
  PLUMBAGO_RETURN_IF_ERROR(dependencies_.index.AddMany(name.tenant(), entries));
  return dependencies_.index.UpdateMany(name.tenant(), entries);
}

absl::StatusOr<uint64_t> SeriesTree::LinkIn(const SeriesName& name, const std::string& path,
                                            const SeriesSet& replaced) {
  uint64_t file_bytes = 0;
  const absl::Status status = dependencies_.store.RunExclusive(name, [&]() -> absl::Status {
    auto moved = MoveAside(name, replaced);
    if (!moved.ok() && !absl::IsNotFound(moved.status())) return moved.status();
    if (moved.ok()) file_bytes = *moved;
    PLUMBAGO_ASSIGN_OR_RETURN(const std::string target, SafePathOf(name));
    PLUMBAGO_RETURN_IF_ERROR(LinkInto(dependencies_.file_system, path, target));
    return AddToIndex(name);
  });
  if (!status.ok()) return status;
  return file_bytes;
}

absl::Status SeriesTree::CopyOut(const SeriesName& name, const std::string& path) {
  return dependencies_.store.RunExclusive(name, [&]() -> absl::Status {
    PLUMBAGO_ASSIGN_OR_RETURN(const std::string source, SafePathOf(name));
    PLUMBAGO_ASSIGN_OR_RETURN(const base::FileInfo info, dependencies_.file_system.Stat(source));
    if (!info.is_regular) {
      return absl::FailedPreconditionError(absl::StrCat(source, " is no regular file"));
    }
    return base::CopyFile(dependencies_.file_system, source, path, base::Durability::kNotSynced);
  });
}

void SeriesTree::RemoveEmptyDirectories(absl::string_view tenant,
                                        absl::Span<const std::string> metrics) {
  const std::string root = absl::StrCat(directory_, "/", tenant);
  std::set<std::string, std::greater<>> directories;  // the deeper ones of a branch first
  for (const std::string& metric : metrics) {
    const auto path = PathOf(SeriesName(tenant, metric));
    if (!path.ok()) continue;
    std::string parent = path->substr(0, path->rfind('/'));
    while (parent.size() > root.size() && directories.insert(parent).second) {
      parent.resize(parent.rfind('/'));
    }
  }
  for (const std::string& directory : directories) {
    dependencies_.file_system.RemoveDirectory(directory).IgnoreError();  // mostly: not empty
  }
  dependencies_.store.files().ForgetDirectories();
}

}  // namespace plumbago::store
