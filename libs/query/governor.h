// Lets queries in and lets them run: how many there may be at a time, in all and of each tenant.
//
// A query enters, which is refused where its tenant has too many here already; it then waits for a
// place to run in (FairQueue decides who is next). Thread-safe; WaitForPlace blocks its thread. A
// refusal is ResourceExhausted with the reason kTooManyQueries and names the limit and the number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "query/fair_queue.h"

namespace plumbago::query {

// base::ReasonOf() of a refusal that another moment may lift.
inline constexpr absl::string_view kTooManyQueries = "too_many_queries";

struct GovernorOptions {
  size_t running_max = 32;          // --concurrent-requests-max
  size_t tenant_running_max = 24;   // --tenant-queries-max, unless the tenant has its own
  size_t tenant_present_max = 200;  // --tenant-requests-max: running and waiting
  absl::Duration wait_max = absl::Seconds(10);  // --queue-timeout
};

class Governor {
 public:
  // The clock must outlive the governor, the governor its visits.
  Governor(const GovernorOptions& options, base::Clock& clock)
      : options_(options), clock_(clock), queue_(options.running_max) {}

  // One query from its entry to its end, on one thread.
  class Visit {
   public:
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    // Returns when the query may run. ResourceExhausted: not within wait_max; DeadlineExceeded: not
    // before `deadline`; Cancelled. Where it has its place already it may run.
    absl::Status WaitForPlace(absl::Time deadline,
                              const std::shared_ptr<base::Cancellation>& cancellation);

   private:
    friend class Governor;
    Visit(Governor& governor, std::string tenant, size_t running_max)
        : governor_(governor), tenant_(std::move(tenant)), running_max_(running_max) {}

    Governor& governor_;
    const std::string tenant_;
    const size_t running_max_;
    bool has_place_ = false;
  };

  // `tenant_running_max`: the tenant's own limit; nothing: the default; 0: none but the service's.
  absl::StatusOr<std::unique_ptr<Visit>> Enter(const std::string& tenant,
                                               std::optional<uint64_t> tenant_running_max);

  struct Usage {
    size_t running_count = 0;
    size_t waiting_count = 0;
    size_t present_count = 0;  // also those that wait for the result of another
  };
  Usage usage() const;

 private:
  // Shared by the query that waits, the map, and a cancellation under way.
  struct Waiter {
    base::Mutex mutex;
    base::CondVar changed;
    bool is_granted ABSL_GUARDED_BY(mutex) = false;
    bool is_cancelled ABSL_GUARDED_BY(mutex) = false;
  };

  void GrantPlaces() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What waiting ended with; takes the query out of the queue unless it was granted a place.
  absl::Status EndWait(const Visit& visit, uint64_t id, const absl::Status& cause);
  absl::Status NoPlace(const Visit& visit, absl::Time deadline) const;
  void Leave(const Visit& visit);

  const GovernorOptions options_;
  base::Clock& clock_;
  mutable base::Mutex mutex_;  // before that of a waiter
  FairQueue queue_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::shared_ptr<Waiter>> waiters_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, size_t> present_ ABSL_GUARDED_BY(mutex_);  // by tenant
  size_t present_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbago::query
