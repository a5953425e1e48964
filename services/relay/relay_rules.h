// The rules of a relay: read at the start, and again on SIGHUP or by RPC. They are read and checked
// before anything changes; faulty ones leave those before in force, and log, answer and
// plumbago_relay_rules_reloads_total say so.
//
// Thread-safe after Load(); one reload at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "plumbago/v1/relay_admin.pb.h"
#include "relay/point_router.h"
#include "routing/rule_files.h"

namespace plumbago::relay {

class RelayRules {
 public:
  // How the rules reach the routers, which live in threads of their own.
  struct Routers {
    // Brings all routers to follow `table` and returns when they do.
    std::function<void(const std::shared_ptr<const routing::RouteTable>& table)> apply;
    std::function<std::vector<PointRouter::LiveNames>()> live_names;
  };

  // More names than this are not compared; the answer says so.
  static constexpr size_t kComparedMax = 1'000'000;

  // `rules_tenants` are those that the rules concern. `file_system` and `metrics` must outlive
  // this.
  RelayRules(const routing::RuleSettings& settings, std::vector<std::string> rules_tenants,
             base::FileSystem& file_system, base::Metrics& metrics);

  // At the start, before the others. An error says which flag, or which file and line.
  absl::Status Load();

  // Null: there are no rules. Of the last Load or Reload.
  std::shared_ptr<const routing::RouteTable> table();
  const routing::AggregatorOptions& aggregator_options() const { return aggregator_; }

  void SetRouters(Routers routers);
  // From here on Reload answers Unavailable. Waits for one that runs.
  void Stop();

  // FailedPrecondition: the rules are faulty, the old ones stay. Unavailable: the relay starts or
  // stops.
  absl::StatusOr<v1::ReloadRulesResponse> Reload(const v1::ReloadRulesRequest& request);

 private:
  absl::StatusOr<routing::LoadedRules> Read();
  void Compare(const routing::RouteTable& after, uint32_t changes_max,
               v1::ReloadRulesResponse* response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  base::Counter& Reloads(const char* result);

  const routing::RuleSettings settings_;
  const RulesTenants tenants_;
  base::FileSystem& file_system_;
  base::Metrics& metrics_;
  base::Gauge& rule_count_;
  routing::AggregatorOptions aggregator_;  // constant after Load

  base::Mutex mutex_;  // for the whole of a reload: nobody else is in a hurry
  Routers routers_ ABSL_GUARDED_BY(mutex_);
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const routing::RouteTable> table_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::relay
