#include "store/series_set.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "store/name_list.h"

namespace plumbago::store {
namespace {

constexpr absl::string_view kFirstLine = "plumbago series set 1";
constexpr uint64_t kAboutBytesMax = 64 << 10;

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

absl::StatusOr<SeriesSetAbout> ParseAbout(absl::string_view text) {
  SeriesSetAbout about;
  bool is_valid = true;
  bool is_first = true;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (std::exchange(is_first, false)) {
      if (line != kFirstLine) return absl::DataLossError("it is not of this release");
      continue;
    }
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (field.first == "description") about.description = std::string(field.second);
    if (field.first == "created") {
      is_valid &= absl::SimpleAtoi(field.second, &about.created_unix_seconds);
    }
    if (field.first == "series") is_valid &= absl::SimpleAtoi(field.second, &about.series_count);
    if (field.first == "bytes") is_valid &= absl::SimpleAtoi(field.second, &about.file_bytes);
  }
  if (is_first || !is_valid) return absl::DataLossError("it has no valid content");
  return about;
}

}  // namespace

absl::StatusOr<std::string> SeriesSet::PathOf(const SeriesName& name) const {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(name));
  return absl::StrCat(directory_, "/files", path.substr(name.tenant().size()));
}

absl::Status SeriesSet::AddNames(absl::Span<const std::string> metrics) {
  return AppendNames(file_system_, directory_ + "/names", metrics);
}

absl::Status SeriesSet::WriteAbout(const SeriesSetAbout& about) {
  const std::string text =
      absl::StrCat(kFirstLine, "\ndescription ",
                   absl::StrReplaceAll(about.description, {{"\n", " "}, {"\r", " "}}), "\ncreated ",
                   about.created_unix_seconds, "\nseries ", about.series_count, "\nbytes ",
                   about.file_bytes, "\n");
  PLUMBAGO_RETURN_IF_ERROR(file_system_.CreateDirectories(directory_));
  return base::WriteFileAtomically(file_system_, directory_ + "/about", text);
}

absl::StatusOr<SeriesSetAbout> SeriesSet::ReadAbout() const {
  const std::string path = directory_ + "/about";
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string text,
                            base::ReadWholeFile(file_system_, path, kAboutBytesMax));
  auto about = ParseAbout(text);
  if (!about.ok()) return base::Annotate(about.status(), path);
  about->name = directory_.substr(directory_.rfind('/') + 1);
  return about;
}

absl::Status SeriesSet::ForEach(
    absl::string_view tenant,
    absl::FunctionRef<bool(const SeriesName& name, uint64_t file_bytes)> visit) {
  absl::flat_hash_set<uint64_t> seen;  // hashes: names come twice only where a job was repeated
  absl::Status status;
  status.Update(ReadNames(file_system_, directory_ + "/names", [&](absl::string_view metric) {
    const SeriesName name(tenant, metric);
    const auto path = PathOf(name);
    if (!path.ok() || !seen.insert(name.hash()).second) return true;
    const auto info = file_system_.Stat(*path);
    if (absl::IsNotFound(info.status())) return true;
    status.Update(info.status());
    return info.ok() && visit(name, info->size_bytes);
  }));
  return status;
}

absl::StatusOr<bool> SeriesSet::HasFiles() const {
  std::vector<std::string> pending = {directory_ + "/files"};
  while (!pending.empty()) {
    const std::string directory = std::move(pending.back());
    pending.pop_back();
    const auto entries = file_system_.ListDirectory(directory);
    if (absl::IsNotFound(entries.status())) continue;
    if (!entries.ok()) return entries.status();
    for (const base::DirectoryEntry& entry : *entries) {
      if (!entry.is_directory) return true;
      pending.push_back(absl::StrCat(directory, "/", entry.name));
    }
  }
  return false;
}

absl::Status SeriesSet::Remove() {
  const absl::Status hidden = file_system_.Remove(directory_ + "/about");
  if (!hidden.ok() && !absl::IsNotFound(hidden)) return hidden;
  return base::RemoveTree(file_system_, directory_);
}

absl::StatusOr<std::vector<SeriesSetAbout>> ListSeriesSets(base::FileSystem& file_system,
                                                           const std::string& directory) {
  std::vector<SeriesSetAbout> sets;
  const auto entries = file_system.ListDirectory(directory);
  if (absl::IsNotFound(entries.status())) return sets;
  if (!entries.ok()) return entries.status();
  for (const base::DirectoryEntry& entry : *entries) {
    if (!entry.is_directory) continue;
    auto about = SeriesSet(file_system, absl::StrCat(directory, "/", entry.name)).ReadAbout();
    if (about.ok()) sets.push_back(*std::move(about));
  }
  std::sort(sets.begin(), sets.end(), [](const SeriesSetAbout& one, const SeriesSetAbout& other) {
    return std::tie(one.created_unix_seconds, one.name) >
           std::tie(other.created_unix_seconds, other.name);
  });
  return sets;
}

absl::Status CheckSetName(absl::string_view name) {
  const bool is_valid =
      !name.empty() && name.size() <= 63 &&
      std::all_of(name.begin(), name.end(), [](unsigned char byte) {
        return absl::ascii_islower(byte) || absl::ascii_isdigit(byte) || byte == '-';
      });
  if (is_valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the name \"", base::Excerpt(name), "\" must be 1 to 63 of a-z, 0-9 and -"));
}

absl::Status RenameInto(base::FileSystem& file_system, const std::string& from,
                        const std::string& to) {
  absl::Status status = file_system.Rename(from, to);
  if (!absl::IsNotFound(status) || !file_system.Stat(from).ok()) return status;
  PLUMBAGO_RETURN_IF_ERROR(file_system.CreateDirectories(ParentOf(to)));
  return file_system.Rename(from, to);
}

absl::Status LinkInto(base::FileSystem& file_system, const std::string& from,
                      const std::string& to) {
  absl::Status status = file_system.Link(from, to);
  if (!absl::IsNotFound(status) || !file_system.Stat(from).ok()) return status;
  PLUMBAGO_RETURN_IF_ERROR(file_system.CreateDirectories(ParentOf(to)));
  return file_system.Link(from, to);
}

}  // namespace plumbago::store
