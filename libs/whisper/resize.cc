#include "whisper/resize.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "whisper/aggregate.h"
#include "whisper/file.h"
#include "whisper/internal/encoding.h"
#include "whisper/slot_values.h"
#include "whisper/updater.h"

namespace plumbago::whisper {
namespace {

struct Sample {
  int64_t time = 0;  // seconds
  std::optional<double> value;
};

// What every archive of the old file reaches, the finest first. By the rules of a fetch: where two
// archives reach equally far, the finer one gives both.
absl::StatusOr<std::vector<SlotValues>> ReadAll(base::File& file, const Header& header,
                                                int64_t now) {
  BaseTimes base_times;
  std::vector<SlotValues> all;
  for (const Archive& archive : header.archives) {
    const int64_t from =
        now - static_cast<int64_t>(archive.retention_seconds()) + archive.seconds_per_point;
    PLUMBAGO_ASSIGN_OR_RETURN(
        SlotValues slots,
        FetchSlots({file, header, base_times}, {.from = from, .until = now, .now = now}));
    all.push_back(std::move(slots));
  }
  return all;
}

// One series over all archives, ascending by time: each archive gives what is older than the finer
// ones.
std::vector<Sample> Join(const std::vector<SlotValues>& archives) {
  std::vector<Sample> newest_first;
  for (const SlotValues& slots : archives) {
    int64_t time = slots.end();
    for (auto value = slots.values.rbegin(); value != slots.values.rend(); ++value) {
      time -= slots.step;
      if (newest_first.empty() || time < newest_first.back().time) {
        newest_first.push_back({.time = time, .value = *value});
      }
    }
  }
  std::reverse(newest_first.begin(), newest_first.end());
  return newest_first;
}

// The points of one new archive: `samples` aggregated over each of its steps.
std::vector<Point> Resample(const std::vector<Sample>& samples, const Header& header,
                            const Archive& archive, int64_t now) {
  const int64_t step = archive.seconds_per_point;
  const int64_t oldest = now - static_cast<int64_t>(archive.retention_seconds());
  std::vector<Point> points;
  std::vector<double> known;
  auto sample = std::find_if(samples.begin(), samples.end(),
                             [&](const Sample& s) { return s.time >= oldest + now % step; });
  while (sample != samples.end()) {
    const int64_t interval = internal::AlignDown(sample->time, step);
    size_t count = 0;
    known.clear();
    for (; sample != samples.end() && sample->time < interval + step; ++sample, ++count) {
      if (sample->value.has_value()) known.push_back(*sample->value);
    }
    const double share = static_cast<double>(known.size()) / static_cast<double>(count);
    if (known.empty() || share < static_cast<double>(header.x_files_factor)) continue;
    points.push_back(
        {.time = static_cast<uint32_t>(interval), .value = Aggregate(header.method, known, count)});
  }
  return points;
}

absl::Status Write(const std::vector<SlotValues>& old, const OpenFile& target,
                   const ResizeOptions& options) {
  Updater updater;
  const auto update = [&](const std::vector<Point>& points) {
    return updater.UpdateMany(target, points, options.now, Duplicates::kFirstWins).status();
  };
  if (options.migration == Migration::kCopy) {
    for (auto slots = old.rbegin(); slots != old.rend(); ++slots) {
      PLUMBAGO_RETURN_IF_ERROR(update(PointsOf(*slots)));
    }
    return absl::OkStatus();
  }
  const std::vector<Sample> samples = Join(old);
  for (const Archive& archive : target.header.archives) {
    PLUMBAGO_RETURN_IF_ERROR(update(Resample(samples, target.header, archive, options.now)));
  }
  return absl::OkStatus();
}

absl::Status RemoveIfThere(base::FileSystem& file_system, const std::string& path) {
  const absl::Status removed = file_system.Remove(path);
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

std::string ParentDirectory(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The new file takes the place of the old one, which becomes the backup; undone on failure.
absl::Status Exchange(base::FileSystem& file_system, const std::string& path,
                      const std::string& new_path, Backup backup) {
  if (backup == Backup::kRemove) return file_system.Rename(new_path, path);
  const std::string backup_path = absl::StrCat(path, ".bak");
  PLUMBAGO_RETURN_IF_ERROR(file_system.Rename(path, backup_path));
  const absl::Status renamed = file_system.Rename(new_path, path);
  if (renamed.ok()) return renamed;
  const absl::Status restored = file_system.Rename(backup_path, path);
  return restored.ok() ? renamed
                       : base::Annotate(renamed, absl::StrCat("the old file is now ", backup_path));
}

}  // namespace

absl::StatusOr<Header> ResizeInto(base::FileSystem& file_system, const std::string& source_path,
                                  const std::string& target_path, const ResizeOptions& options) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto source, file_system.OpenForRead(source_path));
  auto old_header = ReadHeader(*source);
  if (!old_header.ok()) return base::Annotate(old_header.status(), source_path);
  if (old_header->format == Format::kCompressed && !options.method.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        source_path, " is compressed by go-carbon; state the aggregation method of the new file"));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(
      Header header,
      MakeHeader(options.archives, options.x_files_factor.value_or(old_header->x_files_factor),
                 options.method.value_or(old_header->method)));
  PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<SlotValues> old,
                            ReadAll(*source, *old_header, options.now));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto target,
                            Create(file_system, target_path, header, Existing::kRefuse));
  BaseTimes base_times;
  absl::Status status = Write(old, {*target, header, base_times}, options);
  if (status.ok()) status = target->Sync();
  if (status.ok()) return header;
  file_system.Remove(target_path).IgnoreError();  // the first error is the one to report
  return status;
}

absl::StatusOr<Header> ResizeInPlace(base::FileSystem& file_system, const std::string& path,
                                     const ResizeOptions& options, Backup backup) {
  const std::string new_path = absl::StrCat(path, ".tmp");
  PLUMBAGO_RETURN_IF_ERROR(RemoveIfThere(file_system, new_path));
  PLUMBAGO_ASSIGN_OR_RETURN(Header header, ResizeInto(file_system, path, new_path, options));
  const absl::Status exchanged = Exchange(file_system, path, new_path, backup);
  if (!exchanged.ok()) {
    file_system.Remove(new_path).IgnoreError();  // the first error is the one to report
    return exchanged;
  }
  PLUMBAGO_RETURN_IF_ERROR(file_system.SyncDirectory(ParentDirectory(path)));
  return header;
}

}  // namespace plumbago::whisper
