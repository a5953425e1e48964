#include "store/store.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/status.h"

namespace plumbago::store {
namespace {

constexpr absl::Duration kDiskCheckInterval = absl::Seconds(1);
// To look at every file costs the most of a scan, and to open each more.
constexpr uint64_t kScansPerExamination = 12;

void EndProcess(const absl::Status& status) {
  base::LogError(
      absl::StrCat("the disk failed to sync, so points may be lost; ending, restart "
                   "after the disk is mended: ",
                   std::string(status.message())));
  std::abort();
}

StoreOptions WithDefaults(StoreOptions options) {
  options.writer_threads = std::max<size_t>(1, options.writer_threads);
  if (!options.on_sync_failure) options.on_sync_failure = EndProcess;
  return options;
}

// Counts threads that have come to a point, for one that waits for all of them.
class Arrivals {
 public:
  void Arrive() {
    // Notified under the lock: the one that waits destroys this as soon as it can take it.
    base::MutexLock lock(mutex_);
    ++count_;
    changed_.NotifyAll();
  }
  void Await(size_t count) {
    base::MutexLock lock(mutex_);
    while (count_ < count) changed_.Wait(lock);
  }

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  size_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

ScanDepth DepthOf(uint64_t scan_number) {
  return scan_number % kScansPerExamination == 0 ? ScanDepth::kHeaders : ScanDepth::kNames;
}

double SecondsSince(base::Clock& clock, absl::Duration start) {
  return absl::ToDoubleSeconds(clock.Monotonic() - start);
}

}  // namespace

Store::Store(const StoreDependencies& dependencies, StoreOptions options)
    : dependencies_(dependencies),
      options_(WithDefaults(std::move(options))),
      start_unix_seconds_(dependencies.clock.UnixSeconds()),
      metrics_(dependencies.metrics),
      disk_guard_(
          dependencies.file_system, dependencies.metrics,
          {.directory = options_.directory, .free_bytes_min = options_.disk_free_bytes_min}),
      files_(dependencies.file_system,
             {.directory = options_.directory, .open_files_max = options_.open_files_max}) {
  const SeriesWriter::Context context{.clock = dependencies_.clock,
                                      .files = files_,
                                      .index = dependencies_.index,
                                      .policies = dependencies_.policies,
                                      .quotas = dependencies_.quotas,
                                      .metrics = metrics_,
                                      .disk_guard = disk_guard_,
                                      .request_checkpoint = [this] { RequestCheckpoint(); }};
  for (size_t part = 0; part < options_.writer_threads; ++part) {
    writers_.push_back(std::make_unique<SeriesWriter>(context, part, options_.writer_threads));
  }
  gauges_ = dependencies_.metrics.BeforeScrape([this] {
    metrics_.open_files.Set(static_cast<double>(files_.open_count()));
    metrics_.series.Set(static_cast<double>(dependencies_.index.series_count()));
    for (const absl::string_view reason : kDamageReasons) {
      metrics_.damaged_files(reason).Set(static_cast<double>(files_.damaged().Count(reason)));
    }
    const SeriesFiles::Mended mended = files_.TakeMended();
    metrics_.files_mended("lengthened").Increment(static_cast<double>(mended.lengthened_count));
    metrics_.files_mended("set_aside").Increment(static_cast<double>(mended.set_aside_count));
  });
}

Store::~Store() { Drain(); }

absl::Status Store::Start() {
  PLUMBAGO_RETURN_IF_ERROR(dependencies_.file_system.CreateDirectories(options_.directory));
  CheckDisk();
  {
    base::MutexLock lock(mutex_);
    is_draining_ = false;
  }
  for (const auto& writer : writers_) writer->Start();
  disk_thread_ =
      std::thread([this] { RunPeriodically(kDiskCheckInterval, [this] { CheckDisk(); }); });
  checkpoint_thread_ = std::thread([this] {
    RunPeriodically(
        options_.checkpoint_interval, [this] { Checkpoint(); }, &is_checkpoint_wanted_);
  });
  return absl::OkStatus();
}

void Store::StartScans() {
  scan_thread_ = std::thread([this] {
    SeenDirectories seen;
    uint64_t count = 0;
    const auto rescan = [&] {
      const ScanDepth depth = DepthOf(count++);
      if (depth == ScanDepth::kHeaders) seen.Clear();
      seen.Begin(dependencies_.clock.UnixSeconds());
      const absl::Status status = Scan(depth, &seen).status();
      if (status.ok()) return;
      seen.Clear();
      base::LogError(std::string(status.message()));
    };
    rescan();
    RunPeriodically(options_.rescan_interval, rescan);
  });
}

std::shared_ptr<WriteSession> Store::OpenSession() {
  auto session = std::make_shared<WriteSession>(options_.session_bytes_max);
  base::MutexLock lock(mutex_);
  sessions_.push_back(session);
  return session;
}

absl::Status Store::Submit(const std::shared_ptr<WriteSession>& session,
                           std::shared_ptr<WriteBatch> batch) {
  if (!batch->entries.empty()) PLUMBAGO_RETURN_IF_ERROR(CheckWritable());
  base::MutexLock lock(mutex_);  // with the queues' locks inside: no batch enters after the drain
  if (is_draining_) return absl::UnavailableError("the store is starting or draining");
  batch->parts_left.store(writers_.size(), std::memory_order_relaxed);
  PLUMBAGO_RETURN_IF_ERROR(session->Accept(batch));
  metrics_.points_received.Increment(static_cast<double>(batch->points.size()));
  metrics_.queued_points.Add(static_cast<double>(batch->points.size()));
  metrics_.queued_bytes.Add(static_cast<double>(batch->byte_count()));
  for (const auto& writer : writers_) writer->Enqueue(session, batch);
  return absl::OkStatus();
}

absl::StatusOr<FetchedSeries> Store::Fetch(const SeriesName& name, whisper::FetchRange range) {
  if (range.now == 0) range.now = dependencies_.clock.UnixSeconds();
  PLUMBAGO_ASSIGN_OR_RETURN(const SeriesFiles::Result opened, files_.Open(name));
  if (opened.origin != SeriesFiles::Origin::kCached &&
      !dependencies_.index.Contains(name.tenant(), name.metric())) {
    PLUMBAGO_RETURN_IF_ERROR(AddFound(name, opened.file->header().file_bytes()));
  }
  SeriesFile& file = *opened.file;
  FetchedSeries fetched{.series = {},
                        .method = file.header().method,
                        .x_files_factor = file.header().x_files_factor,
                        .finest_step = file.header().archives.front().seconds_per_point};
  {
    base::MutexLock lock(file.mutex);
    PLUMBAGO_ASSIGN_OR_RETURN(fetched.series, whisper::Fetch(file.open(), range));
  }
  metrics_.series_fetched.Increment();
  return fetched;
}

absl::StatusOr<whisper::AggregationMethod> Store::SetAggregationMethod(
    const SeriesName& name, whisper::AggregationMethod method) {
  whisper::AggregationMethod before = method;
  PLUMBAGO_RETURN_IF_ERROR(RunExclusive(name, [&]() -> absl::Status {
    PLUMBAGO_ASSIGN_OR_RETURN(const SeriesFiles::Result opened, files_.OpenForUpdate(name));
    whisper::Header header = opened.file->header();
    before = std::exchange(header.method, method);
    return whisper::WriteMetadata(opened.file->file(), header);
  }));
  return before;
}

absl::StatusOr<whisper::Header> Store::Describe(const SeriesName& name) {
  PLUMBAGO_ASSIGN_OR_RETURN(const SeriesFiles::Result opened, files_.Open(name));
  base::MutexLock lock(opened.file->mutex);
  return opened.file->header();
}

absl::Status Store::RunExclusive(const SeriesName& name, absl::FunctionRef<absl::Status()> work) {
  absl::Status result;
  Arrivals done;
  const auto task = [&] {
    files_.Forget(name);
    result = work();
    files_.Forget(name);
    done.Arrive();
  };
  {
    base::MutexLock lock(mutex_);  // with the queue's lock inside: no task enters after the drain
    if (is_draining_) return absl::UnavailableError("the store is starting or draining");
    const auto owner = std::find_if(writers_.begin(), writers_.end(),
                                    [&](const auto& writer) { return writer->Owns(name); });
    (*owner)->Enqueue(task);
  }
  done.Await(1);
  return result;
}

absl::Status Store::RunPaused(absl::FunctionRef<absl::Status()> work) {
  // One at a time: two that hold half of the writers each would wait for ever.
  base::MutexLock turn(pause_mutex_);
  Arrivals paused;
  Arrivals resumed;
  Arrivals gone;
  const auto task = [&] {
    paused.Arrive();
    resumed.Await(1);
    gone.Arrive();
  };
  {
    base::MutexLock lock(mutex_);
    if (is_draining_) return absl::UnavailableError("the store is starting or draining");
    for (const auto& writer : writers_) writer->Enqueue(task);
  }
  paused.Await(writers_.size());
  absl::Status result = work();
  resumed.Arrive();
  gone.Await(writers_.size());
  return result;
}

absl::Status Store::AddFound(const SeriesName& name, uint64_t file_bytes) {
  // The next scan notes when it was written last.
  const std::vector<index::SeriesEntry> entries = {{std::string(name.metric()), {file_bytes, 0}}};
  PLUMBAGO_RETURN_IF_ERROR(files_.KeepTaggedNames(name.tenant(), entries));
  PLUMBAGO_RETURN_IF_ERROR(dependencies_.index.AddMany(name.tenant(), entries));
  // It may have been deleted since it was opened.
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(name));
  const auto file = dependencies_.file_system.Stat(absl::StrCat(options_.directory, "/", path));
  if (!absl::IsNotFound(file.status())) return absl::OkStatus();
  return dependencies_.index.Remove(name.tenant(), name.metric());
}

void Store::Checkpoint() {
  struct Mark {
    std::shared_ptr<WriteSession> session;
    uint64_t applied_sequence;
  };
  std::vector<Mark> marks;
  for (auto& session : LiveSessions()) {
    const uint64_t applied_sequence = session->applied_sequence();
    marks.push_back({std::move(session), applied_sequence});
  }
  const absl::Duration start = dependencies_.clock.Monotonic();
  base::Failpoint("checkpoint.before_sync");
  const absl::Status status = dependencies_.file_system.SyncFileSystem(options_.directory);
  if (!status.ok()) return options_.on_sync_failure(status);
  base::Failpoint("checkpoint.synced");
  metrics_.checkpoint_seconds.Observe(SecondsSince(dependencies_.clock, start));
  for (const Mark& mark : marks) mark.session->MarkDurable(mark.applied_sequence);
}

// Closes the files that other tools have replaced or removed, and every so often looks into each.
class Store::ScanEffects final : public ScanObserver {
 public:
  ScanEffects(SeriesFiles& files, ScanDepth depth) : files_(files), depth_(depth) {}

  void OnSeries(const SeriesName& name, const base::FileInfo& file) override {
    files_.ForgetUnless(name, file.inode);
    const auto path = SeriesPath(name);
    if (depth_ == ScanDepth::kHeaders && path.ok()) files_.Examine(*path);
  }

  void OnMissing(const SeriesName& name) override {
    files_.Forget(name);
    const auto path = SeriesPath(name);
    if (path.ok()) files_.damaged().Remove(*path);
  }

 private:
  SeriesFiles& files_;
  const ScanDepth depth_;
};

absl::StatusOr<ScanResult> Store::Rescan() {
  return Scan(DepthOf(rescan_count_.fetch_add(1)), nullptr);
}

absl::StatusOr<ScanResult> Store::Scan(ScanDepth depth, SeenDirectories* seen) {
  const absl::Duration start = dependencies_.clock.Monotonic();
  ScanEffects effects(files_, depth);
  // A header that was changed in place is seen by opening the file again.
  if (depth == ScanDepth::kHeaders) files_.ForgetAll();
  files_.ForgetDirectories();
  PLUMBAGO_ASSIGN_OR_RETURN(const ScanResult result,
                            ScanTree(dependencies_.file_system, options_.directory,
                                     dependencies_.index, [this] { return is_draining(); },
                                     {.leftovers_before_unix_seconds = start_unix_seconds_,
                                      .observer = &effects,
                                      .seen = seen}));
  metrics_.scan_seconds.Observe(SecondsSince(dependencies_.clock, start));
  if (result.added_count + result.removed_count + result.leftover_count != 0) {
    base::LogInfo(absl::StrCat("scan: added=", result.added_count,
                               " removed=", result.removed_count, " files=", result.file_count,
                               " ignored=", result.ignored_count,
                               " leftovers_removed=", result.leftover_count));
  }
  return result;
}

void Store::Drain() {
  {
    base::MutexLock lock(mutex_);
    if (is_draining_) return;
    is_draining_ = true;
  }
  wake_.NotifyAll();
  if (scan_thread_.joinable()) scan_thread_.join();
  checkpoint_thread_.join();
  disk_thread_.join();
  for (const auto& writer : writers_) writer->Stop();
  Checkpoint();
}

void Store::RequestCheckpoint() {
  {
    base::MutexLock lock(mutex_);
    is_checkpoint_wanted_ = true;
  }
  wake_.NotifyAll();
}

void Store::RunPeriodically(absl::Duration interval, const std::function<void()>& work,
                            bool* is_wanted) {
  absl::Duration next = dependencies_.clock.Monotonic() + interval;
  for (;;) {
    {
      base::MutexLock lock(mutex_);
      while (!is_draining_ && (is_wanted == nullptr || !*is_wanted)) {
        const absl::Duration left = next - dependencies_.clock.Monotonic();
        if (left <= absl::ZeroDuration()) break;
        wake_.WaitFor(lock, absl::ToInt64Nanoseconds(left));
      }
      if (is_draining_) return;
      if (is_wanted != nullptr) *is_wanted = false;
    }
    work();
    next = dependencies_.clock.Monotonic() + interval;
  }
}

std::vector<std::shared_ptr<WriteSession>> Store::LiveSessions() {
  std::vector<std::shared_ptr<WriteSession>> live;
  base::MutexLock lock(mutex_);
  for (const auto& session : sessions_) {
    if (auto locked = session.lock()) live.push_back(std::move(locked));
  }
  sessions_.assign(live.begin(), live.end());
  return live;
}

bool Store::is_draining() const {
  base::MutexLock lock(mutex_);
  return is_draining_;
}

}  // namespace plumbago::store
