#include "relay_rules.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "foreign_senders.h"

namespace plumbago::relay {
namespace {

constexpr uint32_t kChangesDefault = 100;
constexpr uint32_t kChangesMax = 10'000;

absl::StatusOr<std::vector<std::string>> Resolve(const std::string& host) {
  namespace asio = boost::asio;
  asio::io_context context;
  asio::ip::tcp::resolver resolver(context);
  boost::system::error_code error;
  const auto results = resolver.resolve(host, "", error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot resolve ", base::Excerpt(host), ": ", error.message()));
  }
  std::vector<std::string> addresses;
  for (const auto& result : results) addresses.push_back(result.endpoint().address().to_string());
  return addresses;
}

}  // namespace

RelayRules::RelayRules(const routing::RuleSettings& settings,
                       std::vector<std::string> rules_tenants, base::FileSystem& file_system,
                       base::Metrics& metrics)
    : settings_(settings),
      tenants_(rules_tenants),
      file_system_(file_system),
      metrics_(metrics),
      rule_count_(metrics.AddGauge("plumbago_relay_rules", "Rules in force; 0: none are given")) {
  for (const char* result : {"applied", "refused"}) Reloads(result);
}

absl::StatusOr<routing::LoadedRules> RelayRules::Read() {
  PLUMBAGO_ASSIGN_OR_RETURN(routing::LoadedRules rules,
                            routing::LoadRules(settings_, file_system_, {.resolve = Resolve}));
  if (rules.table != nullptr) {
    PLUMBAGO_RETURN_IF_ERROR(ForeignSenders::Check(rules.table->endpoints()));
  }
  return rules;
}

absl::Status RelayRules::Load() {
  PLUMBAGO_ASSIGN_OR_RETURN(routing::LoadedRules rules, Read());
  for (const std::string& warning : rules.warnings) base::LogWarning(warning);
  aggregator_ = rules.aggregator;
  base::MutexLock lock(mutex_);
  table_ = std::move(rules.table);
  const size_t count = table_ == nullptr ? 0 : table_->rule_count();
  rule_count_.Set(static_cast<double>(count));
  if (count > 0) base::LogInfo(absl::StrCat("follows ", count, " rules"));
  return absl::OkStatus();
}

std::shared_ptr<const routing::RouteTable> RelayRules::table() {
  base::MutexLock lock(mutex_);
  return table_;
}

void RelayRules::SetRouters(Routers routers) {
  base::MutexLock lock(mutex_);
  routers_ = std::move(routers);
}

void RelayRules::Stop() {
  base::MutexLock lock(mutex_);
  is_stopped_ = true;
}

absl::StatusOr<v1::ReloadRulesResponse> RelayRules::Reload(const v1::ReloadRulesRequest& request) {
  base::MutexLock lock(mutex_);
  if (is_stopped_ || routers_.apply == nullptr) {
    return absl::UnavailableError("the relay starts or stops; try again when it is ready");
  }
  absl::StatusOr<routing::LoadedRules> rules = Read();
  if (!rules.ok()) {
    if (!request.dry_run()) Reloads("refused").Increment();
    const std::string fault = absl::StrCat("the rules are faulty, those before stay in force: ",
                                           std::string(rules.status().message()));
    if (!request.dry_run()) base::LogError(fault);
    return absl::FailedPreconditionError(fault);
  }
  v1::ReloadRulesResponse response;
  const size_t count = rules->table == nullptr ? 0 : rules->table->rule_count();
  response.set_rule_count(count);
  for (const std::string& warning : rules->warnings) response.add_warnings(warning);
  if (rules->aggregator.max_aggregation_intervals != aggregator_.max_aggregation_intervals ||
      rules->aggregator.write_back_seconds != aggregator_.write_back_seconds) {
    response.add_warnings(
        "MAX_AGGREGATION_INTERVALS or WRITE_BACK_FREQUENCY have changed: they hold after a "
        "restart");
  }
  if (request.dry_run()) {
    const auto after = rules->table == nullptr ? routing::RouteTable::ShardsOnly() : rules->table;
    Compare(*after, request.changes_max(), &response);
    return response;
  }
  routers_.apply(rules->table);
  table_ = std::move(rules->table);
  rule_count_.Set(static_cast<double>(count));
  Reloads("applied").Increment();
  for (const std::string& warning : response.warnings()) base::LogWarning(warning);
  base::LogInfo(absl::StrCat("follows ", count, " rules, read again"));
  response.set_applied(true);
  return response;
}

void RelayRules::Compare(const routing::RouteTable& after, uint32_t changes_max,
                         v1::ReloadRulesResponse* response) {
  const std::vector<PointRouter::LiveNames> live = routers_.live_names();
  absl::flat_hash_set<absl::string_view> names;  // a sender's series may be known to many routers
  bool is_cut = false;
  for (const PointRouter::LiveNames& some : live) {
    is_cut = is_cut || some.count == SeriesLearner::kReceivedMax;
    for (uint32_t id = 0; id < some.count; ++id) {
      const SeriesName name = some.names->Get(id);
      if (!tenants_.Covers(name.tenant)) continue;
      if (names.size() < kComparedMax) {
        names.insert(name.metric);
      } else if (!names.contains(name.metric)) {
        is_cut = true;
      }
    }
  }
  if (is_cut) {
    response->add_warnings(absl::StrCat("more series are live than are compared: of each thread ",
                                        SeriesLearner::kReceivedMax, " and of all ", kComparedMax,
                                        "; the counts are of a sample"));
  }
  const auto before = table_ == nullptr ? routing::RouteTable::ShardsOnly() : table_;
  const std::vector<absl::string_view> metrics(names.begin(), names.end());
  const uint32_t listed = changes_max == 0 ? kChangesDefault : std::min(changes_max, kChangesMax);
  const routing::RouteDiff diff = routing::Diff(*before, after, metrics, listed);
  response->set_compared_metrics(diff.metric_count);
  response->set_changed_metrics(diff.changed_count);
  for (const routing::RouteChange& change : diff.changes) {
    v1::ReloadRulesResponse::Change* const listed_change = response->add_changes();
    listed_change->set_metric(change.metric);
    listed_change->set_before(change.before);
    listed_change->set_after(change.after);
  }
}

base::Counter& RelayRules::Reloads(const char* result) {
  return metrics_.AddCounter("plumbago_relay_rules_reloads_total",
                             "Reloads of the rule files: applied, or refused because of a fault",
                             {{"result", result}});
}

}  // namespace plumbago::relay
