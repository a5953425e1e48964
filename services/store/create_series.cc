#include "create_series.h"

#include <memory>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"

namespace plumbago::store_service {
namespace {

// Shared with the session's listener, which may be called after the wait is over.
struct Progress {
  base::Mutex mutex;
  base::CondVar changed;
  bool is_applied ABSL_GUARDED_BY(mutex) = false;
};

}  // namespace

absl::StatusOr<std::vector<store::RefusedSeries>> CreateWithoutPoints(
    store::Store& store, const std::string& tenant, const std::vector<std::string>& metrics) {
  const std::shared_ptr<store::WriteSession> session = store.OpenSession();
  const auto progress = std::make_shared<Progress>();
  session->SetListener([progress, weak = std::weak_ptr<store::WriteSession>(session)] {
    const auto live = weak.lock();
    if (live == nullptr || !live->is_idle()) return;
    base::MutexLock lock(progress->mutex);
    progress->is_applied = true;
    progress->changed.NotifyAll();
  });
  auto batch = std::make_shared<store::WriteBatch>();
  batch->sequence = 1;
  for (uint32_t id = 0; id < metrics.size(); ++id) {
    PLUMBAGO_RETURN_IF_ERROR(session->Define(id, tenant, metrics[id]));
    batch->entries.push_back(
        {.series_id = id, .series = session->FindSeries(id), .first_point = 0, .point_count = 0});
  }
  PLUMBAGO_RETURN_IF_ERROR(store.Submit(session, std::move(batch)));
  {
    base::MutexLock lock(progress->mutex);
    while (!progress->is_applied) progress->changed.Wait(lock);
  }
  store::WriteSession::Progress done;
  session->TakeProgress(&done);
  return std::move(done.refused);
}

}  // namespace plumbago::store_service
