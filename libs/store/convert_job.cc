#include "store/convert_job.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/status.h"
#include "whisper/retention.h"

namespace plumbago::store {
namespace {

// So often a wait looks whether the job is cancelled.
constexpr absl::Duration kCancellationCheck = absl::Milliseconds(100);

// Spreads work evenly over time. For one thread.
class Pacer {
 public:
  Pacer(base::Clock& clock, double per_second)
      : clock_(clock), interval_(absl::Seconds(1 / per_second)), next_(clock.Monotonic()) {}

  // Until the next turn. Time that was not used is not made up for. Cancelled: the job is.
  absl::Status Await(const JobProgress& progress) {
    base::MutexLock lock(mutex_);
    while (!progress.is_cancelled() && clock_.Monotonic() < next_) {
      const absl::Duration left = std::min(next_ - clock_.Monotonic(), kCancellationCheck);
      never_.WaitFor(lock, absl::ToInt64Nanoseconds(left));
    }
    next_ = std::max(next_, clock_.Monotonic()) + interval_;
    return progress.CheckCancelled();
  }

 private:
  base::Clock& clock_;
  const absl::Duration interval_;
  absl::Duration next_;  // monotonic
  base::Mutex mutex_;    // for the wait only
  base::CondVar never_;
};

std::string Describe(const SeriesLayout& layout) {
  std::vector<whisper::ArchiveSpec> archives;
  for (const whisper::Archive& archive : layout.header.archives) {
    archives.push_back({archive.seconds_per_point, archive.point_count});
  }
  return absl::StrCat(whisper::FormatRetentions(archives), " ",
                      whisper::MethodName(layout.header.method), " ", layout.header.x_files_factor,
                      layout.header.format == whisper::Format::kCompressed ? " compressed" : "");
}

class Conversion {
 public:
  Conversion(base::Clock& clock, const index::SeriesIndex& index, SeriesConverter& converter,
             ConvertRequest request)
      : clock_(clock), index_(index), converter_(converter), request_(std::move(request)) {}

  absl::Status Run(JobProgress& progress) {
    PLUMBAGO_RETURN_IF_ERROR(Count(progress));
    PLUMBAGO_RETURN_IF_ERROR(FindDrifted(progress));
    const absl::Status status = ConvertDrifted(progress);
    progress.AddItem(absl::StrCat(request_.is_dry_run ? "would convert " : "converted ",
                                  series_count_, " series: ", bytes_before_, " -> ", bytes_after_,
                                  " bytes, ", points_.points_kept, " points kept, ",
                                  points_.points_dropped, " dropped or merged"));
    return status;
  }

 private:
  absl::Status Count(JobProgress& progress) {
    uint64_t count = 0;
    PLUMBAGO_RETURN_IF_ERROR(
        index_.ListMatching(request_.tenant, request_.pattern, [&](absl::string_view, const auto&) {
          ++count;
          return !progress.is_cancelled();
        }));
    progress.SetTotal(count);
    return progress.CheckCancelled();
  }

  // Into drifted_, or told at once where it is a dry run.
  absl::Status FindDrifted(JobProgress& progress) {
    PLUMBAGO_RETURN_IF_ERROR(index_.ListMatching(
        request_.tenant, request_.pattern, [&](absl::string_view metric, const auto&) {
          Consider(SeriesName(request_.tenant, metric), progress);
          return drifted_.size() < kConversionsMax && !progress.is_cancelled();
        }));
    if (drifted_.size() >= kConversionsMax) {
      progress.AddItem(
          absl::StrCat("only the first ", kConversionsMax, " series; start it again for the rest"));
    }
    return progress.CheckCancelled();
  }

  void Consider(const SeriesName& name, JobProgress& progress) {
    const auto drift = converter_.Inspect(name);
    if (!drift.ok()) return Fail(name, drift.status(), progress);
    if (drift->has_value() && !request_.is_dry_run) {
      drifted_.emplace_back(name.metric());
      return;
    }
    if (drift->has_value()) Tell(name, **drift, progress);
    progress.AddDone();
  }

  absl::Status ConvertDrifted(JobProgress& progress) {
    Pacer pacer(clock_, request_.series_per_second);
    for (const std::string& metric : drifted_) {
      PLUMBAGO_RETURN_IF_ERROR(pacer.Await(progress));
      const SeriesName name(request_.tenant, metric);
      const auto drift = converter_.Convert(name);
      if (absl::IsUnavailable(drift.status())) return drift.status();  // the store is draining
      if (!drift.ok()) {
        Fail(name, drift.status(), progress);
        continue;
      }
      if (drift->has_value()) Tell(name, **drift, progress);
      progress.AddDone();
    }
    return absl::OkStatus();
  }

  void Fail(const SeriesName& name, const absl::Status& status, JobProgress& progress) {
    if (absl::IsNotFound(status)) return progress.AddSkipped();  // gone meanwhile
    progress.AddItem(
        absl::StrCat(base::Excerpt(name.metric()), " failed: ", std::string(status.message())));
    progress.AddFailed();
  }

  void Tell(const SeriesName& name, const SeriesDrift& drift, JobProgress& progress) {
    ++series_count_;
    bytes_before_ += drift.present.file_bytes;
    bytes_after_ += drift.wanted.file_bytes;
    points_.points_kept += drift.counts.points_kept;
    points_.points_dropped += drift.counts.points_dropped;
    progress.AddBytes(drift.wanted.file_bytes);
    progress.AddItem(absl::StrCat(base::Excerpt(name.metric()), ": ", Describe(drift.present),
                                  " -> ", Describe(drift.wanted), ", ", drift.present.file_bytes,
                                  " -> ", drift.wanted.file_bytes, " bytes, ",
                                  drift.counts.points_kept, " points kept, ",
                                  drift.counts.points_dropped, " dropped or merged"));
  }

  base::Clock& clock_;
  const index::SeriesIndex& index_;
  SeriesConverter& converter_;
  const ConvertRequest request_;
  std::vector<std::string> drifted_;  // metrics
  uint64_t series_count_ = 0;
  uint64_t bytes_before_ = 0;
  uint64_t bytes_after_ = 0;
  whisper::ConversionCounts points_;
};

}  // namespace

absl::StatusOr<JobRunner::Planned> PlanConvert(base::Clock& clock, const index::SeriesIndex& index,
                                               SeriesConverter& converter,
                                               const ConvertRequest& request) {
  PLUMBAGO_RETURN_IF_ERROR(CheckTenant(request.tenant));
  PLUMBAGO_RETURN_IF_ERROR(index.ListMatching(
      request.tenant, request.pattern, [](absl::string_view, const auto&) { return false; }));
  if (!std::isfinite(request.series_per_second) || request.series_per_second < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("series_per_second is ", request.series_per_second,
                     "; give a number above 0, or 0 for ", kConversionsPerSecond));
  }
  ConvertRequest checked = request;
  if (checked.series_per_second == 0) checked.series_per_second = kConversionsPerSecond;
  // Shared by the copies of the work, of which one is run.
  auto conversion = std::make_shared<Conversion>(clock, index, converter, std::move(checked));
  return JobRunner::Planned{
      .description = {.tenant = request.tenant,
                      .text = absl::StrCat("convert ", request.pattern.empty()
                                                           ? "all series"
                                                           : base::Excerpt(request.pattern)),
                      .is_dry_run = request.is_dry_run},
      .work = [conversion](JobProgress& progress) { return conversion->Run(progress); }};
}

}  // namespace plumbago::store
