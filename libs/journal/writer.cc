#include "journal/writer.h"

#include <pthread.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/status.h"
#include "journal/format.h"

namespace plumbago::journal {
namespace {

void Die(const absl::Status& status) {
  base::LogError(
      absl::StrCat("the journal cannot be synced, so what was acknowledged may be lost: ",
                   std::string(status.message()), "; look at the disk, then start again"));
  PLUMBAGO_CHECK(status.ok());
}

}  // namespace

std::string NewRecord() { return std::string(kRecordHeaderBytes, '\0'); }

void BeginRecord(std::string& record) { record.assign(kRecordHeaderBytes, '\0'); }

Writer::Writer(base::FileSystem& file_system, base::Clock& clock, const WriterOptions& options)
    : file_system_(file_system), clock_(clock), options_(options) {}

absl::StatusOr<std::unique_ptr<Writer>> Writer::Open(base::FileSystem& file_system,
                                                     base::Clock& clock,
                                                     const WriterOptions& options,
                                                     const ReadResult& found) {
  WriterOptions completed = options;
  if (completed.on_sync_failure == nullptr) completed.on_sync_failure = Die;
  std::unique_ptr<Writer> writer(new Writer(file_system, clock, completed));
  PLUMBAGO_RETURN_IF_ERROR(options.sync == SyncPolicy::kNever
                               ? file_system.CreateDirectories(options.directory)
                               : base::CreateDirectoriesDurably(file_system, options.directory));
  PLUMBAGO_RETURN_IF_ERROR(writer->AdoptSegments(found));
  PLUMBAGO_RETURN_IF_ERROR(writer->BeginSegment(found.last_segment + 1, found.last_end_bytes));
  if (options.sync == SyncPolicy::kInterval) {
    Writer* const self = writer.get();
    writer->sync_thread_ = std::thread([self] { self->SyncPeriodically(); });
    pthread_setname_np(writer->sync_thread_.native_handle(), "journal-sync");
  }
  return writer;
}

Writer::~Writer() {
  Position written;
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
    written = written_;
  }
  changed_.NotifyAll();
  if (sync_thread_.joinable()) sync_thread_.join();
  if (options_.sync != SyncPolicy::kNever) SyncTo(written);
}

// What an earlier process has left. A last file that ReadJournal did not count holds nothing.
absl::Status Writer::AdoptSegments(const ReadResult& found) {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<uint64_t> segments,
                            ListSegments(file_system_, options_.directory));
  for (const uint64_t segment : segments) {
    if (segment > found.last_segment) {
      PLUMBAGO_RETURN_IF_ERROR(file_system_.Remove(PathOf(segment)));
      continue;
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const base::FileInfo info, file_system_.Stat(PathOf(segment)));
    segments_.push_back({.number = segment, .byte_count = info.size_bytes});
    total_bytes_.fetch_add(info.size_bytes);
  }
  return absl::OkStatus();
}

absl::Status Writer::BeginSegment(uint64_t segment, uint64_t previous_end_bytes) {
  const std::string path = PathOf(segment);
  PLUMBAGO_ASSIGN_OR_RETURN(std::shared_ptr<base::File> file, file_system_.CreateExclusive(path));
  const absl::Status written = file->WriteAt(
      0, EncodeSegmentHeader({.segment = segment, .previous_end_bytes = previous_end_bytes}));
  if (!written.ok()) {
    file.reset();
    const absl::Status removed = file_system_.Remove(path);  // or the next attempt would meet it
    return removed.ok() ? written : base::Annotate(written, std::string(removed.message()));
  }
  if (options_.sync != SyncPolicy::kNever) {
    const absl::Status synced = file_system_.SyncDirectory(options_.directory);
    if (!synced.ok()) options_.on_sync_failure(synced);
  }
  segment_ = segment;
  end_bytes_ = kSegmentHeaderBytes;
  segments_.push_back({.number = segment, .byte_count = kSegmentHeaderBytes});
  total_bytes_.fetch_add(kSegmentHeaderBytes);
  base::MutexLock lock(mutex_);
  file_ = std::move(file);
  written_ = {.segment = segment, .end_bytes = kSegmentHeaderBytes};
  return absl::OkStatus();
}

absl::StatusOr<Position> Writer::Append(uint32_t type, std::string& record) {
  PLUMBAGO_CHECK(type != 0 && record.size() >= kRecordHeaderBytes &&
                 record.size() - kRecordHeaderBytes <= kRecordBytesMax);
  std::shared_ptr<base::File> file;
  uint64_t synced_bytes = 0;
  {
    base::MutexLock lock(mutex_);
    file = file_;
    if (synced_.segment == segment_) synced_bytes = synced_.end_bytes;
  }
  SealRecord(type, synced_bytes, record);
  // After an error the next record is written over what this one has left.
  PLUMBAGO_RETURN_IF_ERROR(file->WriteAt(end_bytes_, record));
  end_bytes_ += record.size();
  segments_.back().byte_count = end_bytes_;
  total_bytes_.fetch_add(record.size());
  const Position position{.segment = segment_, .end_bytes = end_bytes_};
  base::MutexLock lock(mutex_);
  written_ = position;
  return position;
}

void Writer::WaitUntilDurable(const Position& position) {
  if (options_.sync == SyncPolicy::kBatch) SyncTo(position);
}

// One caller syncs for all that wait; what was written meanwhile takes the next turn.
void Writer::SyncTo(const Position& position) {
  for (;;) {
    std::shared_ptr<base::File> file;
    Position target;
    {
      base::MutexLock lock(mutex_);
      while (is_syncing_ && synced_ < position) changed_.Wait(lock);
      if (synced_ >= position) return;
      is_syncing_ = true;
      file = file_;
      target = written_;
    }
    const absl::Status status = file->Sync();
    if (!status.ok()) options_.on_sync_failure(status);
    {
      base::MutexLock lock(mutex_);
      is_syncing_ = false;
      // After a failure that a test survives nothing is durable, but nobody waits for ever.
      synced_ = std::max(synced_, target);
    }
    changed_.NotifyAll();
  }
}

void Writer::SyncPeriodically() {
  for (;;) {
    Position written;
    {
      base::MutexLock lock(mutex_);
      const absl::Duration deadline = clock_.Monotonic() + options_.sync_interval;
      while (!is_stopping_) {
        const absl::Duration left = deadline - clock_.Monotonic();
        if (left <= absl::ZeroDuration()) break;
        changed_.WaitFor(lock, absl::ToInt64Nanoseconds(left));
      }
      if (is_stopping_) return;
      written = written_;
    }
    SyncTo(written);
  }
}

absl::Status Writer::Roll() {
  if (end_bytes_ == kSegmentHeaderBytes) return absl::OkStatus();
  // A segment that is not the last one is wholly on the disk, so that damage can be told from a
  // torn tail.
  if (options_.sync != SyncPolicy::kNever) SyncTo({.segment = segment_, .end_bytes = end_bytes_});
  base::Failpoint("journal.before_roll");
  PLUMBAGO_RETURN_IF_ERROR(BeginSegment(segment_ + 1, end_bytes_));
  base::Failpoint("journal.rolled");
  return absl::OkStatus();
}

absl::Status Writer::RemoveBefore(uint64_t segment) {
  while (segments_.size() > 1 && segments_.front().number < segment) {
    PLUMBAGO_RETURN_IF_ERROR(file_system_.Remove(PathOf(segments_.front().number)));
    total_bytes_.fetch_sub(segments_.front().byte_count);
    segments_.pop_front();
  }
  return absl::OkStatus();
}

std::string Writer::PathOf(uint64_t segment) const {
  return absl::StrCat(options_.directory, "/", SegmentFileName(segment));
}

}  // namespace plumbago::journal
