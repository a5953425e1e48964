#include "open_index.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "kv/rocksdb_key_value.h"
#include "store/tree_scan.h"

namespace plumbago::store_service {
namespace {

void LogProgress(const store::ScanResult& result, absl::Duration elapsed) {
  const double seconds = absl::ToDoubleSeconds(elapsed);
  base::LogInfo(absl::StrCat(
      "rebuild of the index: files=", result.file_count, " ignored=", result.ignored_count,
      " seconds=", seconds, " files_per_second=",
      static_cast<uint64_t>(seconds > 0 ? static_cast<double>(result.file_count) / seconds : 0)));
}

absl::Status Rebuild(service::Runtime& runtime, index::SeriesIndex& index) {
  base::Clock& clock = runtime.clock();
  const absl::Duration start = clock.Monotonic();
  absl::Duration told = start;
  const auto result = store::ScanTree(
      runtime.file_system(), absl::StrCat(runtime.options().data_dir, "/whisper"), index,
      [] { return false; }, {.on_progress = [&](const store::ScanResult& progress) {
        const absl::Duration now = clock.Monotonic();
        if (now - told < absl::Seconds(1)) return;
        told = now;
        LogProgress(progress, now - start);
      }});
  if (!result.ok()) return result.status();
  LogProgress(*result, clock.Monotonic() - start);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OpenedIndex> OpenIndex(service::Runtime& runtime, IndexSource source) {
  const std::string directory = absl::StrCat(runtime.options().data_dir, "/index");
  if (source == IndexSource::kRebuilt) {
    PLUMBAGO_RETURN_IF_ERROR(base::RemoveTree(runtime.file_system(), directory));
  }
  OpenedIndex opened;
  PLUMBAGO_ASSIGN_OR_RETURN(opened.key_value, kv::OpenRocksDb(directory));
  PLUMBAGO_ASSIGN_OR_RETURN(opened.index, index::SeriesIndex::Open(*opened.key_value));
  if (source == IndexSource::kRebuilt) PLUMBAGO_RETURN_IF_ERROR(Rebuild(runtime, *opened.index));
  return opened;
}

}  // namespace plumbago::store_service
