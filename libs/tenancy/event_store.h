// Graphite's events by tenant, durable in a base::KeyValue (docs/formats/events.md): an event is on
// the disk before Add returns.
//
// A tenant has a bounded share. Where it is full the earliest events give way to a later one; an
// event that is earlier than all of them is refused. Thread-safe; calls block for the database, and
// additions wait for each other. Find reads every event of the tenant: its cost is bounded by the
// share, and no index has to be kept.
//
// Errors: InvalidArgument (a field, named), NotFound, ResourceExhausted (the tenant's share), and
// what the KeyValue says.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/key_value.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "plumbago/v1/events.pb.h"

namespace plumbago::tenancy {

struct EventLimits {
  size_t event_bytes_max = 64 << 10;  // what, data and tags
  uint64_t tenant_events_max = 20'000;
  uint64_t tenant_bytes_max = 16 << 20;  // of records
  // Events whose time is longer ago are not shown, and removed when another one is added.
  absl::Duration retention = absl::InfiniteDuration();
};

class EventStore {
 public:
  // Counts what there is. All references must outlive the store. DataLoss where a record is
  // malformed, FailedPrecondition where a newer release wrote it.
  static absl::StatusOr<std::unique_ptr<EventStore>> Open(base::KeyValue& kv, base::Clock& clock,
                                                          base::Metrics& metrics,
                                                          const EventLimits& limits);

  // The event with its id.
  absl::StatusOr<v1::Event> Add(const v1::AddEventRequest& request);
  // All events of a tenant that is being deleted. After an error, or a crash, some may be left:
  // call it again. Costs nothing where there are none.
  absl::Status RemoveTenant(const std::string& tenant);

  absl::StatusOr<v1::Event> Get(const std::string& tenant, uint64_t id);

  // Calls `visit` for each event that matches, the earliest first, until it returns false.
  using Visitor = std::function<bool(v1::Event event)>;
  absl::Status Find(const v1::FindEventsRequest& request, const Visitor& visit);

 private:
  struct Share {
    uint64_t event_count = 0;
    uint64_t bytes = 0;
    uint64_t last_id = 0;
  };
  struct Removal {
    std::vector<base::KeyValueChange> changes;
    uint64_t bytes = 0;
    uint64_t expired_count = 0;
    uint64_t pushed_out_count = 0;
  };

  EventStore(base::KeyValue& kv, base::Clock& clock, base::Metrics& metrics,
             const EventLimits& limits);

  absl::Status Load();
  static absl::Status LoadRecord(absl::string_view key, absl::string_view value,
                                 std::map<std::string, Share>& shares);
  // What must go so that `key` with `bytes` fits into the tenant's share.
  absl::StatusOr<Removal> MakeRoom(const std::string& tenant, const Share& share,
                                   const std::string& key, uint64_t bytes);
  int64_t FirstKeptTime() const;  // microseconds
  void Show() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  base::KeyValue& kv_;
  base::Clock& clock_;
  const EventLimits limits_;
  base::Counter& added_count_;
  base::Counter& refused_count_;
  base::Counter& expired_count_;
  base::Counter& pushed_out_count_;
  base::Counter& tenant_deleted_count_;
  base::Gauge& event_count_;
  base::Gauge& bytes_;

  // Held for a whole addition, the write to the disk included: each one starts from the shares
  // that the one before has left. Never taken by readers.
  base::Mutex mutex_;
  std::map<std::string, Share> shares_ ABSL_GUARDED_BY(mutex_);  // by tenant
};

}  // namespace plumbago::tenancy
