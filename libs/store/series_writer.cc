#include "store/series_writer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/status.h"
#include "whisper/begun_file.h"

namespace plumbago::store {
namespace {

RefusalReason ReasonOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return RefusalReason::kInvalidName;
    case absl::StatusCode::kDataLoss:
      return RefusalReason::kCorruptFile;
    case absl::StatusCode::kFailedPrecondition:
      return RefusalReason::kReadOnly;
    default:
      return RefusalReason::kWriteFailed;
  }
}

}  // namespace

SeriesWriter::SeriesWriter(const Context& context, size_t part, size_t part_count)
    : context_(context), part_(part), part_count_(part_count), reservations_(context.quotas) {}

SeriesWriter::~SeriesWriter() { Stop(); }

void SeriesWriter::Start() {
  thread_ = std::thread([this] { Run(); });
}

void SeriesWriter::Stop() {
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  has_work_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

void SeriesWriter::Enqueue(std::shared_ptr<WriteSession> session,
                           std::shared_ptr<WriteBatch> batch) {
  {
    base::MutexLock lock(mutex_);
    jobs_.push_back({.session = std::move(session), .batch = std::move(batch)});
  }
  has_work_.NotifyOne();
}

void SeriesWriter::Enqueue(std::function<void()> task) {
  {
    base::MutexLock lock(mutex_);
    jobs_.push_back({.session = nullptr, .batch = nullptr, .task = std::move(task)});
  }
  has_work_.NotifyOne();
}

void SeriesWriter::Run() {
  Job job;
  while (Next(&job)) {
    if (job.task) {
      job.task();
    } else {
      Apply(job);
    }
    job = {};
  }
}

bool SeriesWriter::Next(Job* job) {
  base::MutexLock lock(mutex_);
  while (jobs_.empty() && !is_stopping_) has_work_.Wait(lock);
  if (jobs_.empty()) return false;
  *job = std::move(jobs_.front());
  jobs_.pop_front();
  return true;
}

void SeriesWriter::Apply(const Job& job) {
  const int64_t now = context_.clock.UnixSeconds();
  policies_ = context_.policies.Current();
  for (const WriteBatch::Entry& entry : job.batch->entries) {
    if (Owns(*entry.series)) ApplySeries(job, entry, now);
  }
  IndexNewSeries();
  context_.metrics.points_stored.Increment(static_cast<double>(std::exchange(points_stored_, 0)));
  context_.metrics.series_created.Increment(static_cast<double>(std::exchange(series_created_, 0)));
  context_.metrics.series_updates.Increment(static_cast<double>(std::exchange(series_updated_, 0)));
  if (job.batch->parts_left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  context_.metrics.queued_points.Add(-static_cast<double>(job.batch->points.size()));
  context_.metrics.queued_bytes.Add(-static_cast<double>(job.batch->byte_count()));
  job.session->Complete(*job.batch);
  if (job.batch->wants_checkpoint) context_.request_checkpoint();
}

void SeriesWriter::ApplySeries(const Job& job, const WriteBatch::Entry& entry, int64_t now) {
  const auto points =
      absl::MakeConstSpan(job.batch->points).subspan(entry.first_point, entry.point_count);
  absl::StatusOr<whisper::UpdateResult> result;
  const auto update = [&](const whisper::OpenFile& file) {
    result = updater_.UpdateMany(file, points, now, whisper::Duplicates::kLastWins);
    return result.status();
  };
  SeriesFiles::Result opened = OpenOrCreate(job, entry, now, update);
  if (opened.file == nullptr) return;
  SeriesFile& file = *opened.file;
  if (opened.origin != SeriesFiles::Origin::kCreated) {
    whisper::BegunFile begun(file.file(), std::move(opened.opening.beginning));
    base::MutexLock lock(file.mutex);
    update(file.open(begun)).IgnoreError();  // it is in `result`
  }
  if (!result.ok()) {
    context_.files.Forget(*entry.series);
    context_.disk_guard.Note(result.status());
    return RefuseAll(job, entry, base::Annotate(result.status(), entry.series->metric()));
  }
  base::Failpoint("store.written");
  ++series_updated_;
  points_stored_ += entry.point_count - result->uncovered_count;
  if (result->uncovered_count == 0) return;
  Refuse(job, entry, RefusalReason::kOutOfRetention, result->uncovered_count,
         absl::StrCat(result->uncovered_count, " points are older than ",
                      file.header().max_retention_seconds(),
                      " s, the longest retention of this series"));
}

SeriesFiles::Result SeriesWriter::OpenOrCreate(const Job& job, const WriteBatch::Entry& entry,
                                               int64_t now, SeriesFiles::Fill fill) {
  const SeriesName& name = *entry.series;
  bool is_reserved = false;
  absl::Status over_quota;
  const auto make_header = [&]() -> absl::StatusOr<whisper::Header> {
    whisper::Header header = policies_->Of(name.tenant()).rules.HeaderFor(name.metric());
    // Where the index has it, its file has been removed a moment ago: it counts already.
    if (context_.index.Contains(name.tenant(), name.metric())) return header;
    over_quota = reservations_.Add(name, header.file_bytes());
    if (!over_quota.ok()) return over_quota;
    is_reserved = true;
    return header;
  };
  auto opened = context_.files.OpenOrCreate(name, make_header, fill);
  if (!opened.ok()) {
    if (is_reserved) reservations_.Undo();
    const RefusalReason reason =
        over_quota.ok() ? ReasonOf(opened.status()) : RefusalReason::kQuota;
    context_.disk_guard.Note(opened.status());
    Refuse(job, entry, reason, entry.point_count, opened.status().message());
    return {};
  }
  if (opened->origin == SeriesFiles::Origin::kCreated) {
    ++series_created_;
    base::Failpoint("store.created");
  }
  if (opened->origin != SeriesFiles::Origin::kCached && !IsIndexed(entry.series)) {
    new_series_[std::string(name.tenant())].push_back(
        {std::string(name.metric()),
         {opened->file->header().file_bytes(), static_cast<uint32_t>(now)}});
  }
  return *std::move(opened);
}

// Remembers what it has seen: with fewer descriptors than series each update asks.
bool SeriesWriter::IsIndexed(SessionSeries* series) {
  const uint64_t now = context_.index.removal_count() + 1;  // before the look
  if (series->indexed_at == now) return true;
  if (!context_.index.Contains(series->tenant(), series->metric())) return false;
  series->indexed_at = now;
  return true;
}

void SeriesWriter::RefuseAll(const Job& job, const WriteBatch::Entry& entry,
                             const absl::Status& status) {
  Refuse(job, entry, ReasonOf(status), entry.point_count, status.message());
}

void SeriesWriter::Refuse(const Job& job, const WriteBatch::Entry& entry, RefusalReason reason,
                          size_t point_count, absl::string_view message) {
  if (reason == RefusalReason::kWriteFailed) {
    context_.metrics.write_failures.Increment();
    context_.metrics.points_returned.Increment(static_cast<double>(point_count));
  } else {
    if (reason == RefusalReason::kQuota) context_.metrics.CountRefused(entry.series->tenant());
    context_.metrics.CountDropped(entry.series->tenant(), RefusalWord(reason), point_count);
  }
  job.session->AddRefused(*job.batch, {.series_id = entry.series_id,
                                       .reason = reason,
                                       .point_count = point_count,
                                       .message = std::string(message)});
}

// Before the batch is reported applied, so that a new name can be found as soon as its points are.
void SeriesWriter::IndexNewSeries() {
  reservations_.BeginMove();
  for (const auto& [tenant, entries] : new_series_) {
    absl::Status status = context_.files.KeepTaggedNames(tenant, entries);
    status.Update(context_.index.AddMany(tenant, entries));
    if (status.ok()) continue;
    context_.metrics.index_failures.Increment();
    base::LogError(absl::StrCat("index refused ", entries.size(), " new series of tenant ", tenant,
                                ", the next scan repeats them: ", std::string(status.message())));
  }
  new_series_.clear();
  reservations_.EndMove();
}

}  // namespace plumbago::store
