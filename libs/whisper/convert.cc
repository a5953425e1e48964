#include "whisper/convert.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "whisper/aggregate.h"
#include "whisper/internal/encoding.h"
#include "whisper/slot_values.h"

namespace plumbago::whisper {
namespace {

// A point with the time that it stands for.
struct Sample {
  int64_t time = 0;  // seconds
  int64_t step = 0;
  double value = 0;
};

// The first slot of an archive that is not older than its retention.
int64_t OldestSlot(const Archive& archive, int64_t now) {
  const int64_t step = archive.seconds_per_point;
  return internal::AlignDown(now - static_cast<int64_t>(archive.retention_seconds()), step) + step;
}

// One archive of the old file.
struct Source {
  int64_t step = 0;
  int64_t oldest = 0;                // OldestSlot
  std::vector<Sample> samples = {};  // ascending by time

  bool covers(int64_t time) const { return time >= oldest; }
  bool has_point(int64_t time) const {
    const auto found = std::lower_bound(samples.begin(), samples.end(), time,
                                        [](const Sample& s, int64_t t) { return s.time < t; });
    return found != samples.end() && found->time == time;
  }
};

absl::Status Append(const OpenFile& file, size_t archive_index, int64_t from, int64_t until,
                    std::vector<Sample>* samples) {
  PLUMBAGO_ASSIGN_OR_RETURN(const SlotValues slots, FetchArchive(file, archive_index, from, until));
  for (const Point& point : PointsOf(slots)) {
    samples->push_back({.time = point.time, .step = slots.step, .value = point.value});
  }
  return absl::OkStatus();
}

// Finest first, as the header has them.
absl::StatusOr<std::vector<Source>> ReadSources(const OpenFile& file, int64_t now) {
  std::vector<Source> sources;
  for (size_t i = 0; i < file.header.archives.size(); ++i) {
    const Archive& archive = file.header.archives[i];
    Source source{.step = archive.seconds_per_point, .oldest = OldestSlot(archive, now)};
    const auto retention = static_cast<int64_t>(archive.retention_seconds());
    PLUMBAGO_RETURN_IF_ERROR(
        Append(file, i, std::max<int64_t>(0, now - retention), now, &source.samples));
    PLUMBAGO_RETURN_IF_ERROR(Append(file, i, now, now + retention, &source.samples));
    sources.push_back(std::move(source));
  }
  return sources;
}

enum class Preference {
  kFiner,  // wherever there is a finer sample
  // Where the finer archive reaches the whole span of the coarser sample, else the coarser one,
  // which knows all of it.
  kWholeSpan,
};

// Ascending samples without two for one time: `finer`, those of an archive with `finer_oldest` at
// its end, and from `coarser` what nothing finer tells of.
std::vector<Sample> Join(absl::Span<const Sample> finer, int64_t finer_oldest,
                         const Source& coarser, Preference preference) {
  std::vector<Sample> joined;
  auto fine = finer.begin();
  for (const Sample& sample : coarser.samples) {
    for (; fine != finer.end() && fine->time < sample.time; ++fine) joined.push_back(*fine);
    const auto span_begin = fine;
    while (fine != finer.end() && fine->time < sample.time + sample.step) ++fine;
    const bool is_preferred = preference == Preference::kFiner || sample.time >= finer_oldest;
    if (fine != span_begin && is_preferred) {
      joined.insert(joined.end(), span_begin, fine);
    } else {
      joined.push_back(sample);
    }
  }
  joined.insert(joined.end(), fine, finer.end());
  return joined;
}

// All sources of a step below `step_end` as one series.
std::vector<Sample> JoinFiner(absl::Span<const Source> sources, int64_t step_end) {
  std::vector<Sample> joined;
  int64_t finer_oldest = std::numeric_limits<int64_t>::max();
  for (const Source& source : sources) {
    if (source.step >= step_end) break;
    joined = Join(joined, finer_oldest, source, Preference::kWholeSpan);
    finer_oldest = source.oldest;
  }
  return joined;
}

// `samples` lie in one step of `step` seconds. Samples of unequal steps weigh by their steps.
double AggregateSamples(absl::Span<const Sample> samples, AggregationMethod method, int64_t step) {
  const int64_t first_step = samples.front().step;
  const bool is_even = std::all_of(samples.begin(), samples.end(),
                                   [&](const Sample& s) { return s.step == first_step; });
  const bool is_average =
      method == AggregationMethod::kAverage || method == AggregationMethod::kAverageZero;
  if (is_even || !is_average) {
    std::vector<double> values;
    for (const Sample& sample : samples) values.push_back(sample.value);
    const auto slot_count = static_cast<size_t>((step + first_step - 1) / first_step);
    return Aggregate(method, values, std::max(slot_count, values.size()));
  }
  double weighted_sum = 0;
  double known_seconds = 0;
  for (const Sample& sample : samples) {
    weighted_sum += sample.value * static_cast<double>(sample.step);
    known_seconds += static_cast<double>(sample.step);
  }
  const bool counts_missing = method == AggregationMethod::kAverageZero;
  return weighted_sum / (counts_missing ? static_cast<double>(step) : known_seconds);
}

double KnownShare(absl::Span<const Sample> samples, int64_t step) {
  int64_t known_seconds = 0;
  for (const Sample& sample : samples) known_seconds += sample.step;
  return static_cast<double>(known_seconds) / static_cast<double>(step);
}

// Makes the points of one new archive.
class ArchiveBuilder {
 public:
  ArchiveBuilder(absl::Span<const Source> sources, const Header& wanted, size_t index, int64_t now)
      : sources_(sources),
        wanted_(wanted),
        step_(wanted.archives[index].seconds_per_point),
        oldest_(OldestSlot(wanted.archives[index], now)),
        finer_oldest_(index == 0 ? std::numeric_limits<int64_t>::max()
                                 : OldestSlot(wanted.archives[index - 1], now)) {
    for (const Source& source : sources) {
      if (source.step == step_) equal_ = &source;
    }
  }

  // By the time of their slot.
  std::map<int64_t, double> Build() {
    if (equal_ != nullptr) {
      for (const Sample& sample : equal_->samples) AddIfFree(sample.time, sample.value);
    }
    std::vector<Sample> told = JoinFiner(sources_, step_);
    AddFiner(told);
    if (equal_ != nullptr) told = Join(told, 0, *equal_, Preference::kFiner);
    for (const Source& source : sources_) {
      if (source.step > step_) told = Join(told, 0, source, Preference::kFiner);
    }
    for (const Sample& sample : told) {
      if (sample.step > step_) AddIfFree(sample.time, sample.value);
    }
    return std::move(points_);
  }

 private:
  void AddFiner(absl::Span<const Sample> samples) {
    while (!samples.empty()) {
      const int64_t start = internal::AlignDown(samples.front().time, step_);
      size_t count = 0;
      while (count < samples.size() && samples[count].time < start + step_) ++count;
      const auto inside = samples.first(count);
      samples.remove_prefix(count);
      if (!IsLeftEmpty(start, inside)) {
        AddIfFree(start, AggregateSamples(inside, wanted_.method, step_));
      }
    }
  }

  // As whisper leaves a rollup empty. Nothing is lost: the finer new archive has the points, and no
  // coarser old one has made a point of them.
  bool IsLeftEmpty(int64_t start, absl::Span<const Sample> inside) const {
    if (start < finer_oldest_ || IsInCoarserPoint(start)) return false;
    const bool was_empty = equal_ != nullptr && equal_->covers(start);
    return was_empty || KnownShare(inside, step_) < static_cast<double>(wanted_.x_files_factor);
  }

  bool IsInCoarserPoint(int64_t time) const {
    return std::any_of(sources_.begin(), sources_.end(), [&](const Source& source) {
      return source.step > step_ && source.has_point(internal::AlignDown(time, source.step));
    });
  }

  // What comes first has the slot. Only where steps do not divide each other can this leave out
  // more than what is told twice.
  void AddIfFree(int64_t time, double value) {
    const int64_t start = internal::AlignDown(time, step_);
    if (start >= oldest_) points_.emplace(start, value);
  }

  const absl::Span<const Source> sources_;
  const Header& wanted_;
  const int64_t step_;
  const int64_t oldest_;
  const int64_t finer_oldest_;  // of the next finer new archive
  const Source* equal_ = nullptr;
  std::map<int64_t, double> points_;
};

// The slots of an archive. Where two times want one slot, the one that is not in the future has it.
std::string EncodeRing(const Archive& archive, const std::map<int64_t, double>& points,
                       int64_t now) {
  std::string bytes(archive.size_bytes(), '\0');
  if (points.empty()) return bytes;
  // The oldest: it is in the future only where all are.
  const auto base_time = static_cast<uint32_t>(points.begin()->first);
  const auto store = [&](int64_t time, double value) {
    const uint64_t slot = internal::SlotOf(archive, base_time, time);
    internal::StorePoint(bytes.data() + slot * kPointBytes, static_cast<uint32_t>(time), value);
  };
  const auto future = points.upper_bound(now);
  for (auto point = future; point != points.end(); ++point) store(point->first, point->second);
  for (auto point = points.begin(); point != future; ++point) store(point->first, point->second);
  return bytes;
}

bool IsKept(const Sample& sample, const Header& wanted, int64_t now) {
  return std::any_of(wanted.archives.begin(), wanted.archives.end(), [&](const Archive& archive) {
    const int64_t step = archive.seconds_per_point;
    return step <= sample.step &&
           internal::AlignDown(sample.time, step) >= OldestSlot(archive, now);
  });
}

ConversionCounts Count(absl::Span<const Source> sources, const Header& wanted, int64_t now) {
  ConversionCounts counts;
  for (const Sample& sample : JoinFiner(sources, std::numeric_limits<int64_t>::max())) {
    ++(IsKept(sample, wanted, now) ? counts.points_kept : counts.points_dropped);
  }
  return counts;
}

absl::Status Write(base::File& file, absl::Span<const Source> sources, const Header& wanted,
                   int64_t now) {
  PLUMBAGO_RETURN_IF_ERROR(file.Preallocate(wanted.file_bytes()));
  PLUMBAGO_RETURN_IF_ERROR(file.WriteAt(0, EncodeHeader(wanted)));
  for (size_t i = 0; i < wanted.archives.size(); ++i) {
    const Archive& archive = wanted.archives[i];
    const auto points = ArchiveBuilder(sources, wanted, i, now).Build();
    PLUMBAGO_RETURN_IF_ERROR(file.WriteAt(archive.offset, EncodeRing(archive, points, now)));
  }
  return file.Sync();
}

}  // namespace

bool NeedsConversion(const Header& present, const Header& wanted) {
  return present.format != wanted.format || present.archives != wanted.archives;
}

bool HasDrifted(const Header& present, const Header& wanted) {
  return NeedsConversion(present, wanted) || present.method != wanted.method ||
         present.x_files_factor != wanted.x_files_factor;
}

absl::StatusOr<ConversionCounts> PreviewConversion(const OpenFile& source, const Header& wanted,
                                                   int64_t now) {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<Source> sources, ReadSources(source, now));
  return Count(sources, wanted, now);
}

absl::StatusOr<ConversionCounts> ConvertInto(base::FileSystem& file_system, const OpenFile& source,
                                             const std::string& target_path, const Header& wanted,
                                             int64_t now) {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<Source> sources, ReadSources(source, now));
  auto target = file_system.CreateExclusive(target_path);
  if (absl::IsAlreadyExists(target.status())) {
    PLUMBAGO_RETURN_IF_ERROR(file_system.Remove(target_path));
    target = file_system.CreateExclusive(target_path);
  }
  if (!target.ok()) return target.status();
  const absl::Status written = Write(**target, sources, wanted, now);
  if (written.ok()) return Count(sources, wanted, now);
  file_system.Remove(target_path).IgnoreError();  // the first error is the one to report
  return written;
}

}  // namespace plumbago::whisper
