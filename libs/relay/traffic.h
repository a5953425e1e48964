// Who sends what, live: each router samples its points, new series and refusals
// (relay/sample_stream.h), and Top() sums the samples of all routers of the last ten seconds by
// tenant, by prefix or by sender.
//
// New series are names that a router has not known: after a start, a change of the slot map or when
// the dictionary was full, all are. A name that two reactors receive is new twice.
//
// TrafficSampler belongs to the thread of its router; Traffic is thread-safe.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "plumbago/v1/relay_admin.pb.h"
#include "relay/sample_stream.h"

namespace plumbago::relay {

class TrafficSampler {
 public:
  TrafficSampler(size_t samples_max, uint64_t seed);

  SampleStream& points() { return points_; }
  SampleStream& new_series() { return new_series_; }
  SampleStream& refusals() { return refusals_; }

  // For samples of tenants with that index; the same name each time.
  void NameTenant(TenantIndex tenant, const std::string& id);

  void Tick(absl::Duration monotonic_now);

  // The tenants that are named, by index. Thread-safe.
  std::vector<std::string> tenants();

 private:
  SampleStream points_;
  SampleStream new_series_;
  SampleStream refusals_;
  size_t named_count_ = 0;  // of the router's thread

  base::Mutex mutex_;
  std::vector<std::string> tenants_ ABSL_GUARDED_BY(mutex_);
};

class Traffic {
 public:
  static constexpr uint32_t kDepthMax = 8;
  static constexpr uint32_t kLimitMax = 1000;

  // Samples of points that a router keeps; a quarter of it of new series and of refusals.
  explicit Traffic(size_t samples_max) : samples_max_(samples_max) {}

  // For one more router. Shared with it: it may end first.
  std::shared_ptr<TrafficSampler> AddSampler(uint64_t seed);

  // InvalidArgument: a depth or a limit out of range.
  absl::StatusOr<v1::TopResponse> Top(const v1::TopRequest& request, absl::Duration monotonic_now);

 private:
  const size_t samples_max_;
  base::Mutex mutex_;
  std::vector<std::shared_ptr<TrafficSampler>> samplers_ ABSL_GUARDED_BY(mutex_);
};

// The first `depth` nodes of a name, without its tags.
absl::string_view PrefixOf(absl::string_view name, uint32_t depth);

// "10.0.0.1", "2001:db8::1"; the protocol in brackets where there is no address.
std::string SenderText(const Sender& sender, Protocol protocol);

}  // namespace plumbago::relay
