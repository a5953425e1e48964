// A store on a temporary directory with everything that jobs need. Tests only.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/key_value.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/temporary_directory.h"
#include "store/incoming_series.h"
#include "store/job_runner.h"
#include "store/series_tree.h"
#include "store/snapshots.h"
#include "store/store.h"
#include "store/trash.h"

namespace plumbago::store::testing {

struct OperatedStore {
  static constexpr uint32_t kNow = 1'700'000'040;
  using Points = std::map<uint32_t, double>;

  OperatedStore() {
    REQUIRE(store.Start().ok());
    REQUIRE(staging.Clear().ok());
    jobs.Start();
  }
  ~OperatedStore() {
    jobs.Drain();
    store.Drain();
  }

  // One batch for all series of tenant t, applied when this returns. The refused ones.
  size_t Write(const std::vector<std::string>& series, const Points& points) {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_applied = false;
    size_t refused_count = 0;
    const auto session = store.OpenSession();
    session->SetListener([&] {
      std::lock_guard<std::mutex> lock(mutex);
      WriteSession::Progress progress;
      if (!session->TakeProgress(&progress)) return;
      refused_count += progress.refused.size();
      is_applied = is_applied || progress.applied_sequence == 1;
      changed.notify_all();
    });
    auto batch = std::make_shared<WriteBatch>();
    batch->sequence = 1;
    for (uint32_t id = 0; id < series.size(); ++id) {
      REQUIRE(session->Define(id, "t", series[id]).ok());
      batch->entries.push_back({.series_id = id,
                                .series = session->FindSeries(id),
                                .first_point = batch->points.size(),
                                .point_count = points.size()});
      for (const auto& [time, value] : points) batch->points.push_back({time, value});
    }
    REQUIRE(store.Submit(session, std::move(batch)).ok());
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return is_applied; });
    lock.unlock();
    session->SetListener({});
    return refused_count;
  }

  // Of the last ten minutes; empty where there is no such series.
  Points Read(const std::string& metric) {
    const auto fetched =
        store.Fetch(SeriesName("t", metric), {.from = kNow - 600, .until = kNow, .now = kNow});
    Points points;
    if (!fetched.ok()) return points;
    auto time = static_cast<uint32_t>(fetched->series.start);
    for (const double value : fetched->series.values) {
      if (!std::isnan(value)) points[time] = value;
      time += fetched->series.step;
    }
    return points;
  }

  // Runs it to its end.
  v1::Job Run(absl::StatusOr<JobRunner::Planned> planned) {
    INFO(planned.status());
    REQUIRE(planned.ok());
    const auto job = jobs.Submit(planned->description, planned->work);
    REQUIRE(job.ok());
    for (uint64_t version = 0;;) {
      const auto watched = jobs.Await(job->id(), version, absl::Seconds(30));
      REQUIRE(watched.ok());
      if (watched->has_ended) return watched->job;
      version = watched->version;
    }
  }

  v1::Job Delete(const std::string& pattern, bool is_dry_run = false) {
    v1::DeleteSeries request;
    request.set_pattern(pattern);
    return Run(trash.PlanDelete("t", request, is_dry_run));
  }

  std::string PathOf(const std::string& metric) const {
    return tree.PathOf(SeriesName("t", metric)).value();
  }
  bool Has(const std::string& metric) const { return index->Contains("t", metric); }

  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> real_file_system = base::MakePosixFileSystem();
  base::testing::FaultFileSystem file_system{*real_file_system};
  base::SimulatedClock clock{absl::FromUnixSeconds(kNow)};
  base::SystemClock system_clock;  // of the jobs, whose watchers wait by it
  base::Metrics metrics;
  base::MemoryKeyValue key_value;
  std::unique_ptr<index::SeriesIndex> index = index::SeriesIndex::Open(key_value).value();
  StoragePolicies policies{
      file_system,
      metrics,
      {.built_in = {.schemas = "[all]\npattern = .*\nretentions = 60:10, 120:60"}}};
  Quotas quotas{*index};
  Store store{{clock, file_system, metrics, *index, policies, quotas},
              {.directory = directory.path() + "/whisper", .writer_threads = 2}};
  SeriesTree tree{{clock, file_system, *index, store}, directory.path() + "/whisper"};
  Staging staging{file_system, directory.path() + "/incoming"};
  Trash trash{tree, {.directory = directory.path() + "/trash", .retention = absl::Hours(24)}};
  Snapshots snapshots{tree, trash, directory.path() + "/snapshots"};
  JobRunner jobs{system_clock, {}};
};

}  // namespace plumbago::store::testing
