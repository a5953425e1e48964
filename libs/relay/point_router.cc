#include "relay/point_router.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "metric/metric_name.h"

namespace plumbago::relay {
namespace {

constexpr absl::Duration kDropLogInterval = absl::Seconds(10);
// How often names are forgotten at most because a cache asks for it.
constexpr absl::Duration kForgetInterval = absl::Minutes(1);
// Time and value of a point that did not come as a line.
constexpr size_t kDecodedPointBytes = 12;

uint64_t RandomSeed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

LaneOptions LanesOf(const RouterOptions& options) {
  return {.batch_points_max = options.batch_points_max,
          .batch_delay = options.batch_delay,
          .in_flight_bytes_max = options.in_flight_bytes_max,
          .stall_timeout = options.stall_timeout,
          .foreign_full = options.foreign_full};
}

LearnerOptions LearningOf(const RouterOptions& options) {
  const bool is_default = options.rules_tenants.empty();
  return {.rules_tenants = RulesTenants(is_default ? std::vector<std::string>{options.tenant}
                                                   : options.rules_tenants)};
}

// The shortest text that is read as the same number.
std::string TextOf(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return std::string(text.data(), end);
}

}  // namespace

PointRouter::PointRouter(const RouterOptions& options, base::Clock& clock, RelayMetrics& metrics,
                         RouterFactories factories)
    : options_(options),
      clock_(clock),
      metrics_(metrics),
      hash_seed_(RandomSeed()),
      tenants_(options.tenant, hash_seed_, options.limiters, options.name_bytes_max),
      tenant_(&tenants_.at(0)),
      traffic_(options.traffic == nullptr ? nullptr : options.traffic->AddSampler(RandomSeed())),
      lanes_(LanesOf(options), clock, metrics, std::move(factories)),
      learner_(LearningOf(options), table_, lanes_),
      last_drop_log_(clock.Monotonic() - kDropLogInterval) {
  if (options.rules != nullptr) SetRouteTable(options.rules);
  Tick();
}

PointRouter::~PointRouter() = default;

void PointRouter::SetSlotMap(std::shared_ptr<const topology::SlotMap> map) {
  const auto& current = learner_.map();
  if (current != nullptr && map != nullptr && current->epoch() == map->epoch()) return;
  Flush();
  ForgetNames();
  learner_.SetSlotMap(map);
  // Without shards nothing is known about where points belong: what is held stays.
  if (!learner_.has_shards()) return lanes_.SuspendShards();
  Reroute(lanes_.SetShards(*map));
}

// Points of batches whose shards left the map, to where they belong now: by the names that the
// rules gave them.
void PointRouter::Reroute(const std::vector<std::unique_ptr<Batch>>& homeless) {
  HomelessTargets known;
  for (const auto& batch : homeless) {
    if (batch->delivery == nullptr) {
      RerouteBatch(*batch, known);
      continue;
    }
    // Who waits for this batch waits for those that its points are in from here on.
    Flush();
    SetDelivery(batch->delivery);
    const bool is_whole = RerouteBatch(*batch, known);
    Flush();
    SetDelivery(nullptr);
    if (is_whole) batch->delivery->OnBatchAccepted();
  }
}

bool PointRouter::RerouteBatch(const Batch& batch, HomelessTargets& known) {
  bool is_whole = true;
  for (size_t i = 0; i < batch.point_count(); ++i) {
    const uint32_t id = batch.points.series_id()[i];
    const SeriesName name = batch.names->Get(id);
    const auto [found, is_new] = known.try_emplace({batch.names.get(), id});
    std::vector<RouteTarget>& targets = found->second;
    if (is_new) learner_.AddShardTargets(name.tenant, name.metric, &targets);
    if (targets.empty()) {
      is_whole = false;
      Drop(tenants_.at(tenants_.IndexOf(name.tenant)), DropReason::kNoActiveShard, name.metric);
      continue;
    }
    const metric::ParsedLine line{.metric = name.metric,
                                  .value = batch.points.value()[i],
                                  .time_seconds = batch.points.time_seconds()[i]};
    for (const RouteTarget& target : targets) lanes_.Append(target.lane, target.series_id, line);
    replicated_count_ += targets.size() - 1;
  }
  return is_whole;
}

void PointRouter::SetRouteTable(std::shared_ptr<const routing::RouteTable> rules) {
  Flush();
  ForgetNames();
  static const std::vector<routing::Endpoint> kNone;
  CountRemoved(lanes_.SetEndpoints(rules == nullptr ? kNone : rules->endpoints()));
  PLUMBAGO_CHECK(rules == nullptr || rules->aggregates().empty() || options_.aggregator != nullptr);
  learner_.SetRouteTable(std::move(rules));
}

void PointRouter::CountRemoved(const std::vector<std::unique_ptr<Batch>>& batches) {
  for (const auto& batch : batches) {
    for (const uint32_t id : batch->points.series_id()) {
      const SeriesName name = batch->names->Get(id);
      Drop(tenants_.at(tenants_.IndexOf(name.tenant)), DropReason::kDestinationRemoved,
           name.metric);
    }
  }
}

void PointRouter::SetFullLanes(FullLanes mode) {
  full_lanes_ = mode;
  lanes_.SetFullLanes(mode);
}

void PointRouter::SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot) {
  SetSlotMap(snapshot->slot_map());
  if (tenants_.SetSnapshot(snapshot) == TenantTable::Names::kKeep) return;
  Flush();
  ForgetNames();
}

void PointRouter::SetSource(const Source& source) {
  tenant_ = &tenants_.at(source.tenant);
  protocol_ = source.protocol;
  is_tenant_certain_ = source.is_tenant_certain;
  sender_ = source.sender;
}

void PointRouter::OnLines(absl::Span<const absl::string_view> lines) {
  std::array<Pending, LineCutter::kBlockLines> pending;
  const size_t count = Parse(lines, pending.data());
  for (size_t i = 0; i < count; ++i) {
    if (!pending[i].is_expected) table_.PrefetchRecord(pending[i].hash);
  }
  if (traffic_ != nullptr) ObserveLines(lines, pending.data(), count);
  // One look at the allowance for all, unless some may be of other tenants or too many.
  const bool is_granted = !tenants_.has_keys() && tenant_->allowance >= static_cast<int64_t>(count);
  if (is_granted) {
    CountReceived(*tenant_, count);
    tenant_->allowance -= static_cast<int64_t>(count);
  }
  lines_ = lines;
  for (size_t i = 0; i < count; ++i) {
    if (!is_granted && !Take(pending[i])) continue;
    const Route* route = table_.FindNext(pending[i].hash, &next_series_);
    if (route == nullptr) route = Learn(pending[i]);
    if (route != nullptr) Deliver(*route, pending[i]);
  }
  lines_ = {};
}

size_t PointRouter::Parse(absl::Span<const absl::string_view> lines, Pending* pending) {
  const bool has_keys = tenants_.has_keys();
  uint32_t expected = next_series_;
  size_t count = 0;
  for (const absl::string_view line : lines) {
    Pending& next = pending[count];
    const metric::LineFault fault = metric::ParseLine(line, now_seconds_, &next.line);
    if (fault != metric::LineFault::kNone) {
      OnRefused(ReasonOf(fault), line);
      continue;
    }
    next.tenant = tenant_;
    if (has_keys && BeginsWithKey(next.line.metric) && !ResolveKey(next)) continue;
    next.hash = HashName(next.line.metric, next.tenant->hash_seed);
    next.is_expected = table_.IsNumber(expected, next.hash);
    if (next.is_expected) {
      ++expected;
    } else {
      table_.PrefetchSlot(next.hash);
    }
    ++count;
  }
  return count;
}

bool PointRouter::Take(const Pending& pending) {
  CountReceived(*pending.tenant, 1);
  return pending.tenant->allowance-- > 0 || Refill(pending);
}

void PointRouter::OnLongLine(absl::string_view head) { OnRefused(DropReason::kLineTooLong, head); }

PointRouter::Pending PointRouter::DecodedPoint(absl::string_view metric, uint32_t time_seconds,
                                               double value) {
  Pending point;
  point.line.metric = metric;
  point.line.time_seconds = time_seconds;
  point.line.value = value;
  point.tenant = tenant_;
  return point;
}

std::optional<DropReason> PointRouter::OnPoint(absl::string_view metric, uint32_t time_seconds,
                                               double value) {
  Pending point = DecodedPoint(metric, time_seconds, value);
  if (tenants_.has_keys() && BeginsWithKey(metric) && !ResolveKey(point)) return last_drop_;
  if (traffic_ != nullptr) ObservePoint(*point.tenant, point.line.metric);
  if (!Take(point)) return last_drop_;
  point.hash = HashName(point.line.metric, point.tenant->hash_seed);
  const Route* route = table_.Find(point.hash);
  if (route == nullptr) route = Learn(point);
  if (route == nullptr || !Deliver(*route, point)) return last_drop_;
  return std::nullopt;
}

std::optional<DropReason> PointRouter::OnAggregate(const routing::AggregateSpec& spec,
                                                   absl::string_view metric, uint32_t time_seconds,
                                                   double value) {
  Pending point = DecodedPoint(metric, time_seconds, value);
  if (traffic_ != nullptr) ObservePoint(*point.tenant, metric);
  if (!Take(point)) return last_drop_;
  // What another rule emits, or a sender sends, by the same name may go elsewhere.
  point.hash = HashName(metric, point.tenant->hash_seed ^ base::Hash64(spec.identity));
  const Route* route = table_.Find(point.hash);
  if (route == nullptr) route = Learn(point, &spec);
  if (route == nullptr || !Deliver(*route, point)) return last_drop_;
  return std::nullopt;
}

void PointRouter::OnRefused(DropReason reason, absl::string_view excerpt) {
  CountReceived(*tenant_, 1);
  if (traffic_ != nullptr) ObservePoint(*tenant_, excerpt);
  Drop(*tenant_, reason, excerpt);
}

bool PointRouter::Deliver(const Route& route, const Pending& pending) {
  if (route.plan != Route::kNoPlan) return FollowPlan(learner_.plans().at(route.plan), pending);
  if (full_lanes_ == FullLanes::kHold) {
    Append(route, pending.line);
    return true;
  }
  // A replica that is refused is counted as a point.
  replicated_count_ += route.replica_count - 1u;
  DeliverToTarget({.series_id = route.series_id, .lane = route.lane}, pending);
  for (const RouteTarget& target : learner_.more_targets(route)) {
    DeliverToTarget({.series_id = target.series_id, .lane = target.lane}, pending);
  }
  return true;
}

void PointRouter::Append(const Route& route, const metric::ParsedLine& line) {
  lanes_.Append(route.lane, route.series_id, line);
  if (route.replica_count == 1) return;
  replicated_count_ += route.replica_count - 1u;
  for (const RouteTarget& target : learner_.more_targets(route)) {
    lanes_.Append(target.lane, target.series_id, line);
  }
}

bool PointRouter::DeliverToTarget(const PlanTarget& target, const Pending& pending) {
  if (lanes_.is_refused(target.lane)) {
    Drop(*pending.tenant,
         lanes_.is_foreign(target.lane) ? DropReason::kDestinationFull : DropReason::kSpoolFull,
         pending.line.metric);
    return false;
  }
  lanes_.Append(target.lane, target.series_id, pending.line);
  return true;
}

bool PointRouter::FollowPlan(const RoutePlan& plan, const Pending& pending) {
  const RoutePlans& plans = learner_.plans();
  const routing::DataChecks passed =
      plan.checks == 0 ? 0 : learner_.rules().PassedChecks(plan.checks, DataOf(pending));
  uint64_t outcome_count = 0;  // ways that the rules want the point to go
  bool is_taken = false;
  for (const PlanTarget& target : plans.targets(plan)) {
    if ((target.required & ~passed) != 0) continue;
    ++outcome_count;
    if (target.is_refused) {
      Drop(*pending.tenant, target.refusal, pending.line.metric);
      continue;
    }
    const bool has_stand_ins = target.group != PlanTarget::kNoGroup;
    is_taken =
        DeliverToTarget(has_stand_ins ? learner_.StandInFor(target) : target, pending) || is_taken;
  }
  for (const PlanFeed& feed : plans.feeds(plan)) {
    if ((feed.required & ~passed) != 0) continue;
    ++outcome_count;
    is_taken = Feed(feed, pending) || is_taken;
  }
  if (outcome_count == 0) {
    Drop(*pending.tenant, plan.drop_reason, pending.line.metric);
  } else {
    replicated_count_ += outcome_count - 1;
  }
  return is_taken;
}

bool PointRouter::Feed(const PlanFeed& feed, const Pending& pending) {
  if (feed.is_refused) {
    Drop(*pending.tenant, feed.refusal, pending.line.metric);
    return false;
  }
  const AggregateOutput& output = learner_.plans().output(feed.output);
  using AddResult = routing::Aggregator::AddResult;
  switch (options_.aggregator->Add(output.spec, output.key, pending.line.time_seconds,
                                   pending.line.value)) {
    case AddResult::kAdded:
      ++aggregated_count_;
      return true;
    case AddResult::kLate:
      Drop(*pending.tenant, DropReason::kAggregateLate, pending.line.metric);
      return false;
    case AddResult::kTooEarly:
      Drop(*pending.tenant, DropReason::kAggregateTooEarly, pending.line.metric);
      return false;
    case AddResult::kNoMemory:
      Drop(*pending.tenant, DropReason::kAggregateNoMemory, pending.line.metric);
      return false;
  }
  return false;
}

// "value timestamp": what stands behind the name in its line, or is written from the decoded point.
std::string PointRouter::DataOf(const Pending& pending) const {
  const char* const end = pending.line.metric.data() + pending.line.metric.size();
  for (const absl::string_view line : lines_) {
    if (end < line.data() || end > line.data() + line.size()) continue;
    const auto offset = static_cast<size_t>(end - line.data());
    return std::string(absl::StripAsciiWhitespace(line.substr(offset)));
  }
  return absl::StrCat(TextOf(pending.line.value), " ", pending.line.time_seconds);
}

bool PointRouter::ResolveKey(Pending& pending) {
  absl::string_view& name = pending.line.metric;
  const size_t dot = name.find('.');
  TenantState* const tenant = tenants_.OfKey(name.substr(0, dot));
  if (tenant == nullptr) {
    ++unknown_key_count_;
    CountReceived(*tenant_, 1);
    if (traffic_ != nullptr) ObservePoint(*tenant_, name);
    Drop(*tenant_, DropReason::kUnknownKey, name);
    return false;
  }
  name.remove_prefix(dot == absl::string_view::npos ? name.size() : dot + 1);
  if (!is_tenant_certain_) pending.tenant = tenant;
  return true;
}

bool PointRouter::Refill(const Pending& pending) {
  TenantState& tenant = *pending.tenant;
  tenant.allowance = 0;
  if (!tenant.is_admitted) {
    Drop(tenant, DropReason::kTenantRefused, pending.line.metric);
    return false;
  }
  if (tenant.limiter != nullptr) {
    tenant.allowance = tenant.limiter->TakePoints(clock_.Monotonic());
  }
  if (tenant.allowance == 0) {
    Drop(tenant, DropReason::kPointsRateLimit, pending.line.metric);
    return false;
  }
  --tenant.allowance;
  return true;
}

bool PointRouter::CheckName(const Pending& pending) {
  const absl::string_view name = pending.line.metric;
  metric::NameFault fault = metric::Canonicalise(name, &canonical_);
  if (fault == metric::NameFault::kNone && canonical_.size() > pending.tenant->name_bytes_max) {
    fault = metric::NameFault::kTooLong;
  }
  if (fault != metric::NameFault::kNone) {
    Drop(*pending.tenant, ReasonOf(fault), name);
    return false;
  }
  return true;
}

bool PointRouter::TakeSeries(const Pending& pending) {
  if (pending.tenant->limiter == nullptr) return true;
  const absl::string_view name = pending.line.metric;
  switch (pending.tenant->limiter->TakeSeries(canonical_, clock_.Monotonic())) {
    case TenantLimiter::Verdict::kTake:
      return true;
    case TenantLimiter::Verdict::kOverPoints:
      Drop(*pending.tenant, DropReason::kPointsRateLimit, name);
      return false;
    case TenantLimiter::Verdict::kOverNewSeries:
      break;
  }
  Drop(*pending.tenant, DropReason::kNewSeriesRateLimit, name);
  return false;
}

const Route* PointRouter::Learn(const Pending& pending, const routing::AggregateSpec* spec) {
  if (!CheckName(pending)) return nullptr;
  const SeriesLearner::Series series{pending.tenant->id, pending.line.metric, canonical_,
                                     pending.tenant->name_bytes_max, spec};
  const routing::Decision decision = learner_.Decide(series);
  // A series that the rules drop is not one that the tenant has.
  if (decision.drop_reason == routing::DropReason::kNone && !TakeSeries(pending)) return nullptr;
  MakeRoomForNames();
  DropReason why{};
  const Route* const route = learner_.Learn(series, pending.hash, decision, &why);
  if (route == nullptr) Drop(*pending.tenant, why, pending.line.metric);
  const bool is_new = route != nullptr && decision.drop_reason == routing::DropReason::kNone;
  if (is_new && traffic_ != nullptr) ObserveNewSeries(*pending.tenant);
  return route;
}

void PointRouter::MakeRoomForNames() {
  if (!lanes_.is_full() && learner_.memory_bytes() <= options_.dictionary_bytes_max) return;
  Flush();
  ForgetNames();
}

void PointRouter::ForgetNames() {
  if (table_.size() > 0) metrics_.dictionary_resets.Increment();
  learner_.ForgetNames();
}

void PointRouter::Tick() {
  const absl::Time now = clock_.Now();
  now_seconds_ = static_cast<uint32_t>(absl::ToUnixSeconds(now));
  lanes_.Tick(absl::ToUnixMillis(now));
  ForgetNamesIfAsked(clock_.Monotonic());
  if (traffic_ != nullptr) traffic_->Tick(clock_.Monotonic());
  PublishCounters();
}

// What is still in use is named again: not more often than that is worth.
void PointRouter::ForgetNamesIfAsked(absl::Duration now) {
  is_asked_to_forget_ = lanes_.TakeFreshNamesRequest() || is_asked_to_forget_;
  if (!is_asked_to_forget_ || now - names_forgotten_at_ < kForgetInterval) return;
  is_asked_to_forget_ = false;
  names_forgotten_at_ = now;
  Flush();
  ForgetNames();
}

void PointRouter::Flush() {
  lanes_.Flush();
  PublishCounters();
}

Backlog PointRouter::backlog() {
  if (!learner_.has_shards() && learner_.needs_shards()) return Backlog::kAll;
  return lanes_.backlog();
}

std::vector<PointRouter::LiveNames> PointRouter::live_names() const {
  std::vector<LiveNames> live;
  if (const auto received = learner_.received_names()) {
    live.push_back({received, received->series_count()});
    return live;
  }
  for (const auto& names : lanes_.shard_names()) live.push_back({names, names->series_count()});
  return live;
}

void PointRouter::SpoolEverything() {
  lanes_.SpoolEverything();
  PublishCounters();
}

void PointRouter::CountReceived(TenantState& tenant, uint64_t count) {
  tenant.received[static_cast<size_t>(protocol_)] += count;
  if (!tenant.is_dirty) MarkDirty(tenant);
}

void PointRouter::Drop(TenantState& tenant, DropReason reason, absl::string_view line) {
  last_drop_ = reason;
  if (traffic_ != nullptr) {
    traffic_->refusals().Offer(1, [&](size_t) {
      Sample sample = SampleOf(tenant, line);
      sample.reason = reason;
      traffic_->refusals().Add(sample);
    });
  }
  if (!tenant.is_dirty) MarkDirty(tenant);
  ++tenant.dropped[(static_cast<uint32_t>(protocol_) << 16) | static_cast<uint32_t>(reason)];
  if (dropped_since_log_++ == 0) {
    drop_example_ =
        absl::StrCat(DropReasonWord(reason), ": '", base::Excerpt(WithoutKey(line)), "'");
  }
}

void PointRouter::ObserveLines(absl::Span<const absl::string_view> lines, const Pending* pending,
                               size_t count) {
  traffic_->points().Offer(count, [&](size_t chosen) {
    const absl::string_view metric = pending[chosen].line.metric;
    Sample sample = SampleOf(*pending[chosen].tenant, metric);
    for (const absl::string_view line : lines) {
      const bool is_its = metric.data() >= line.data() && metric.data() < line.data() + line.size();
      if (is_its) sample.bytes = static_cast<uint32_t>(line.size() + 1);
    }
    traffic_->points().Add(sample);
  });
}

void PointRouter::ObservePoint(const TenantState& tenant, absl::string_view metric) {
  traffic_->points().Offer(1, [&](size_t) { traffic_->points().Add(SampleOf(tenant, metric)); });
}

void PointRouter::ObserveNewSeries(const TenantState& tenant) {
  traffic_->new_series().Offer(
      1, [&](size_t) { traffic_->new_series().Add(SampleOf(tenant, canonical_)); });
}

Sample PointRouter::SampleOf(const TenantState& tenant, absl::string_view metric) {
  traffic_->NameTenant(tenant.index, tenant.id);
  Sample sample;
  sample.tenant = tenant.index;
  sample.sender = sender_;
  sample.protocol = protocol_;
  sample.bytes = static_cast<uint32_t>(metric.size() + kDecodedPointBytes);
  // What is no point is a whole line, perhaps with a key.
  sample.SetName(WithoutKey(metric.substr(0, metric.find_first_of(" \t"))));
  return sample;
}

void PointRouter::MarkDirty(TenantState& tenant) {
  tenant.is_dirty = true;
  dirty_tenants_.push_back(&tenant);
}

void PointRouter::PublishCounters() {
  for (TenantState* const tenant : dirty_tenants_) Publish(*tenant);
  dirty_tenants_.clear();
  PublishHeld();
  LogDrops();
}

void PointRouter::PublishHeld() {
  if (replicated_count_ > 0) {
    metrics_.points_replicated.Increment(static_cast<double>(std::exchange(replicated_count_, 0)));
  }
  if (aggregated_count_ > 0) {
    metrics_.points_aggregated.Increment(static_cast<double>(std::exchange(aggregated_count_, 0)));
  }
  const size_t own_count = lanes_.own_point_count();
  if (own_count == published_own_count_) return;
  metrics_.points_held.Add(static_cast<double>(own_count) -
                           static_cast<double>(std::exchange(published_own_count_, own_count)));
}

void PointRouter::Publish(TenantState& tenant) {
  tenant.is_dirty = false;
  for (size_t i = 0; i < kProtocolCount; ++i) {
    if (tenant.received[i] == 0) continue;
    base::Counter*& counter = tenant.received_counters[i];
    if (counter == nullptr) {
      counter = &metrics_.points_received(tenant.id, static_cast<Protocol>(i));
    }
    counter->Increment(static_cast<double>(std::exchange(tenant.received[i], 0)));
  }
  for (const auto& [key, count] : tenant.dropped) {
    metrics_
        .dropped(tenant.id, static_cast<Protocol>(key >> 16), static_cast<DropReason>(key & 0xffff))
        .Increment(static_cast<double>(count));
  }
  tenant.dropped.clear();
}

void PointRouter::LogDrops() {
  const absl::Duration now = clock_.Monotonic();
  if (dropped_since_log_ == 0 || now - last_drop_log_ < kDropLogInterval) return;
  last_drop_log_ = now;
  base::LogWarning(absl::StrCat("refused ", std::exchange(dropped_since_log_, 0),
                                " points, the first one as ", drop_example_,
                                "; counted in plumbago_points_dropped_total"));
}

}  // namespace plumbago::relay
