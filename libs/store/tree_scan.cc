#include "store/tree_scan.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "store/name_list.h"
#include "store/series_name.h"

namespace plumbago::store {
namespace {

constexpr size_t kBatchNames = 1000;

class Scan {
 public:
  Scan(base::FileSystem& file_system, const std::string& directory, index::SeriesIndex& index,
       const std::function<bool()>& should_stop, const ScanOptions& options)
      : file_system_(file_system),
        directory_(directory),
        index_(index),
        should_stop_(should_stop),
        options_(options) {}

  absl::StatusOr<ScanResult> Run() {
    for (const base::DirectoryEntry& entry : List("")) {
      if (!entry.is_directory || !CheckTenant(entry.name).ok()) continue;
      PLUMBAGO_RETURN_IF_ERROR(AddFilesOf(entry.name));
      PLUMBAGO_RETURN_IF_ERROR(AddTaggedOf(entry.name));
    }
    if (options_.seen != nullptr) options_.seen->EndWalk();
    if (options_.seen == nullptr || options_.seen->has_changes()) {
      for (const std::string& tenant : index_.Tenants()) {
        PLUMBAGO_RETURN_IF_ERROR(Refresh(tenant));
      }
    }
    if (options_.seen != nullptr) {
      is_complete_ && !should_stop_() ? options_.seen->End() : options_.seen->Clear();
    }
    return result_;
  }

 private:
  // Entries of a directory given relative to directory_, beginning with a slash.
  std::vector<base::DirectoryEntry> List(const std::string& path) {
    auto entries = file_system_.ListDirectory(absl::StrCat(directory_, path));
    if (entries.ok()) return *std::move(entries);
    if (!IsSeen(entries.status())) {
      base::LogWarning(
          absl::StrCat("scan passes over a directory: ", std::string(entries.status().message())));
    }
    return {};
  }

  // What is gone meanwhile has been seen too; after other errors the next scan has to look again.
  bool IsSeen(const absl::Status& status) {
    const bool is_seen = status.ok() || absl::IsNotFound(status);
    is_complete_ = is_complete_ && is_seen;
    return is_seen;
  }

  // What there is to see in a directory.
  enum class Look { kNone, kDirectories, kEverything };
  Look LookOf(const std::string& path) {
    if (options_.seen == nullptr) return Look::kEverything;
    const auto info = file_system_.Stat(absl::StrCat(directory_, "/", path));
    if (!info.ok() || !options_.seen->IsUnchanged(path, *info)) return Look::kEverything;
    constexpr uint64_t kLinksWithoutDirectories = 2;  // 1: not counted
    return info->link_count == kLinksWithoutDirectories ? Look::kNone : Look::kDirectories;
  }

  absl::Status AddFilesOf(const std::string& tenant) {
    std::vector<std::string> pending = {""};  // directories below the tenant's, with a slash
    std::vector<index::SeriesEntry> found;
    while (!pending.empty() && !should_stop_()) {
      const std::string path = std::move(pending.back());
      pending.pop_back();
      if (path.size() > kMetricBytesMax) continue;  // nothing below it can be a series
      const Look look = LookOf(absl::StrCat(tenant, path));
      if (look == Look::kNone) continue;
      for (const base::DirectoryEntry& entry : List(absl::StrCat("/", tenant, path))) {
        if (entry.is_directory) {
          pending.push_back(absl::StrCat(path, "/", entry.name));
        } else if (look == Look::kDirectories) {
          continue;
        } else if (entry.is_regular && absl::EndsWith(entry.name, ".wsp")) {
          Consider(tenant, absl::StrCat(path, "/", entry.name), &found);
        } else if (entry.is_regular && absl::EndsWith(entry.name, ".wsp.tmp")) {
          RemoveLeftover(absl::StrCat(directory_, "/", tenant, path, "/", entry.name));
        }
        if (found.size() >= kBatchNames) PLUMBAGO_RETURN_IF_ERROR(Add(tenant, &found));
      }
    }
    return Add(tenant, &found);
  }

  // Each name of the list whose file is there.
  absl::Status AddTaggedOf(const std::string& tenant) {
    const std::string path = absl::StrCat(directory_, "/", tenant, "/", kTaggedNamesPath);
    std::vector<index::SeriesEntry> found;
    absl::flat_hash_set<std::string> is_found;  // a name may be there twice
    absl::Status added;
    const absl::Status read = ReadNames(file_system_, path, [&](absl::string_view metric) {
      if (index_.Contains(tenant, metric)) return !should_stop_();
      const auto file = StatSeries(tenant, metric);
      if (file.ok() && file->is_regular && is_found.emplace(metric).second) {
        ++result_.file_count;
        found.push_back({std::string(metric), InfoOf(*file)});
      }
      if (found.size() >= kBatchNames) {
        added = Add(tenant, &found);
        is_found.clear();
      }
      return added.ok() && !should_stop_();
    });
    if (!read.ok()) {
      base::LogWarning(absl::StrCat("scan cannot read the names of tagged series: ",
                                    std::string(read.message())));
    }
    PLUMBAGO_RETURN_IF_ERROR(added);
    return Add(tenant, &found);
  }

  void Consider(const std::string& tenant, absl::string_view path,
                std::vector<index::SeriesEntry>* found) {
    if (absl::StartsWith(path, "/_tagged/")) return;
    auto metric = MetricOfPath(path.substr(1));
    if (!metric.ok()) {
      ++result_.ignored_count;
      return;
    }
    ++result_.file_count;
    if (index_.Contains(tenant, *metric)) return;
    const auto file = file_system_.Stat(absl::StrCat(directory_, "/", tenant, path));
    if (IsSeen(file.status()) && file.ok()) found->push_back({*std::move(metric), InfoOf(*file)});
  }

  // A creation that is under way has just made its file; what is older was left by a crash.
  void RemoveLeftover(const std::string& path) {
    if (options_.leftovers_before_unix_seconds == 0) return;
    const auto info = file_system_.Stat(path);
    if (!info.ok() || info->modified_unix_seconds >= options_.leftovers_before_unix_seconds) return;
    const absl::Status removed = file_system_.Remove(path);
    if (removed.ok()) {
      ++result_.leftover_count;
    } else if (!absl::IsNotFound(removed)) {
      base::LogWarning(
          absl::StrCat("scan cannot remove what a crash left: ", std::string(removed.message())));
    }
  }

  absl::Status Add(const std::string& tenant, std::vector<index::SeriesEntry>* found) {
    if (options_.on_progress) options_.on_progress(result_);
    if (found->empty()) return absl::OkStatus();
    PLUMBAGO_RETURN_IF_ERROR(index_.AddMany(tenant, *found));
    result_.added_count += found->size();
    found->clear();
    return absl::OkStatus();
  }

  // Looks at the file of each series of the index, tagged ones too, but for those in a directory
  // that has not changed: removes those that are gone, and keeps size and time of the others.
  absl::Status Refresh(const std::string& tenant) {
    std::vector<std::string> missing;
    std::vector<index::SeriesEntry> present;
    absl::Status updated;
    PLUMBAGO_RETURN_IF_ERROR(index_.ListSeries(tenant, [&](absl::string_view metric) {
      if (IsInUnchanged(SeriesName(tenant, metric))) return !should_stop_();
      const auto file = StatSeries(tenant, metric);
      Observe(SeriesName(tenant, metric), file);
      if (IsSeen(file.status()) && !file.ok()) missing.emplace_back(metric);
      if (file.ok()) present.push_back({std::string(metric), InfoOf(*file)});
      if (present.size() >= kBatchNames) updated = Update(tenant, &present);
      return updated.ok() && !should_stop_();
    }));
    PLUMBAGO_RETURN_IF_ERROR(updated);
    PLUMBAGO_RETURN_IF_ERROR(Update(tenant, &present));
    PLUMBAGO_RETURN_IF_ERROR(index_.RemoveMany(tenant, missing));
    result_.removed_count += missing.size();
    // A writer may have made a file again meanwhile, and found the name still in the index.
    for (const std::string& metric : missing) {
      const auto file = StatSeries(tenant, metric);
      if (file.ok()) present.push_back({metric, InfoOf(*file)});
    }
    return index_.AddMany(tenant, present);
  }

  bool IsInUnchanged(const SeriesName& name) const {
    if (options_.seen == nullptr) return false;
    const auto path = SeriesPath(name);
    return path.ok() && options_.seen->WasUnchanged(path->substr(0, path->rfind('/')));
  }

  void Observe(const SeriesName& name, const absl::StatusOr<base::FileInfo>& file) {
    if (options_.observer == nullptr) return;
    if (file.ok()) options_.observer->OnSeries(name, *file);
    if (absl::IsNotFound(file.status())) options_.observer->OnMissing(name);
  }

  absl::Status Update(const std::string& tenant, std::vector<index::SeriesEntry>* present) {
    const absl::Status status = index_.UpdateMany(tenant, *present);
    present->clear();
    return status;
  }

  absl::StatusOr<base::FileInfo> StatSeries(const std::string& tenant, absl::string_view metric) {
    PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(SeriesName(tenant, metric)));
    return file_system_.Stat(absl::StrCat(directory_, "/", path));
  }

  static index::SeriesInfo InfoOf(const base::FileInfo& file) {
    const int64_t modified = std::clamp<int64_t>(file.modified_unix_seconds, 0, UINT32_MAX);
    return {file.size_bytes, static_cast<uint32_t>(modified)};
  }

  base::FileSystem& file_system_;
  const std::string& directory_;
  index::SeriesIndex& index_;
  const std::function<bool()>& should_stop_;
  const ScanOptions& options_;
  bool is_complete_ = true;
  ScanResult result_;
};

}  // namespace

absl::StatusOr<ScanResult> ScanTree(base::FileSystem& file_system, const std::string& directory,
                                    index::SeriesIndex& index,
                                    const std::function<bool()>& should_stop,
                                    const ScanOptions& options) {
  return Scan(file_system, directory, index, should_stop, options).Run();
}

}  // namespace plumbago::store
