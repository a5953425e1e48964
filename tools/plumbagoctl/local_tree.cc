#include "local_tree.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "store/name_list.h"
#include "store/series_name.h"

namespace plumbago::ctl {
namespace {

// Below the tenant's directory of any tenant.
absl::StatusOr<std::string> PathOf(absl::string_view metric) {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path,
                            store::SeriesPath(store::SeriesName("t", metric)));
  return path.substr(1);
}

class Reader {
 public:
  Reader(base::FileSystem& file_system, const std::string& directory, const std::string& prefix)
      : file_system_(file_system), directory_(directory), prefix_(prefix) {}

  absl::Status ReadTagNames(const std::string& given) {
    const std::string path =
        given.empty() ? absl::StrCat(directory_, "/", store::kTaggedNamesPath) : given;
    if (!given.empty()) PLUMBAGO_RETURN_IF_ERROR(file_system_.Stat(path).status());
    return store::ReadNames(file_system_, path, [this](absl::string_view name) {
      const auto file = PathOf(name);
      if (file.ok()) tagged_[*file] = std::string(name);
      return true;
    });
  }

  absl::StatusOr<LocalTree> Run() {
    std::vector<std::string> pending = {""};
    for (bool is_root = true; !pending.empty(); is_root = false) {
      const std::string path = std::move(pending.back());
      pending.pop_back();
      const auto entries = file_system_.ListDirectory(directory_ + path);
      if (!entries.ok() && is_root) return entries.status();
      if (!entries.ok()) {
        tree_.passed_over.emplace_back(entries.status().message());
        continue;
      }
      for (const base::DirectoryEntry& entry : *entries) {
        const std::string below = absl::StrCat(path, "/", entry.name);
        if (entry.is_directory) {
          pending.push_back(below);
        } else if (absl::EndsWith(entry.name, ".wsp")) {
          Consider(below, entry);
        }
      }
    }
    std::sort(tree_.series.begin(), tree_.series.end(),
              [](const auto& one, const auto& other) { return one.path < other.path; });
    return std::move(tree_);
  }

 private:
  void Consider(const std::string& path, const base::DirectoryEntry& entry) {
    const auto file = file_system_.Stat(directory_ + path);
    const auto metric = NameOf(path);
    if (!entry.is_regular) return PassOver(path, "is no regular file");
    if (!file.ok()) return PassOver(path, file.status().message());
    if (!metric.ok()) return PassOver(path, metric.status().message());
    tree_.byte_count += file->size_bytes;
    tree_.series.push_back(
        {.path = directory_ + path, .metric = *metric, .file_bytes = file->size_bytes});
  }

  absl::StatusOr<std::string> NameOf(const std::string& path) const {
    if (absl::StartsWith(path, "/_tagged/")) {
      const auto name = tagged_.find(path);
      if (name != tagged_.end()) return name->second;
      return absl::NotFoundError(
          "has no name in the list of tagged names; give it with --tag-names");
    }
    PLUMBAGO_ASSIGN_OR_RETURN(std::string metric, store::MetricOfPath(path.substr(1)));
    if (!prefix_.empty()) metric = absl::StrCat(prefix_, ".", metric);
    PLUMBAGO_RETURN_IF_ERROR(PathOf(metric).status());
    return metric;
  }

  void PassOver(const std::string& path, absl::string_view reason) {
    tree_.passed_over.push_back(absl::StrCat(base::Excerpt(directory_ + path), ": ", reason));
  }

  base::FileSystem& file_system_;
  const std::string& directory_;
  const std::string& prefix_;
  std::map<std::string, std::string> tagged_;  // names by path
  LocalTree tree_;
};

}  // namespace

absl::StatusOr<LocalTree> ReadLocalTree(base::FileSystem& file_system, const std::string& directory,
                                        const std::string& prefix,
                                        const std::string& tag_names_file) {
  Reader reader(file_system, directory, prefix);
  PLUMBAGO_RETURN_IF_ERROR(reader.ReadTagNames(tag_names_file));
  return reader.Run();
}

}  // namespace plumbago::ctl
