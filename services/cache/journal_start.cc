#include "journal_start.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "cache/journal_replay.h"

namespace plumbago::cache {
namespace {

bool IsDeleted(const topology::Snapshot* snapshot, absl::string_view tenant) {
  const v1::Tenant* const record = snapshot == nullptr ? nullptr : snapshot->FindTenant(tenant);
  return record != nullptr && record->state() == v1::Tenant::DELETING;
}

}  // namespace

absl::StatusOr<journal::ReadResult> ReplayAtStart(const CacheFlags& flags,
                                                  const topology::Snapshot* snapshot,
                                                  service::Runtime& runtime, PointCache& cache,
                                                  CacheMetrics& metrics) {
  uint64_t point_count = 0;
  ReplayOptions options;
  options.directory = flags.journal.writer.directory;
  options.on_damage = flags.is_salvage ? journal::OnDamage::kSkip : journal::OnDamage::kStop;
  options.is_deleted = [&](absl::string_view tenant) { return IsDeleted(snapshot, tenant); };
  options.is_stopping = [&runtime] { return runtime.IsStopRequested(); };
  options.on_progress = [&](uint64_t count) {
    point_count = count;
    runtime.health().SetNotReady(absl::StrCat("replaying the journal: ", count, " points"));
  };
  auto result = ReplayJournal(runtime.file_system(), options, cache, metrics);
  if (absl::IsDataLoss(result.status())) {
    return base::Annotate(result.status(),
                          "the journal is damaged; --salvage starts with what is intact");
  }
  if (!result.ok()) return result.status();
  for (const std::string& skipped : result->skipped) {
    base::LogWarning(absl::StrCat("left out of the journal: ", skipped));
  }
  if (point_count > 0 || result->torn_bytes > 0) {
    base::LogInfo(absl::StrCat("replayed ", point_count, " points of the journal; ",
                               result->torn_bytes, " bytes of its torn tail are left out"));
  }
  return result;
}

}  // namespace plumbago::cache
