#include "relay/explain.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "metric/metric_name.h"

namespace plumbago::relay {
namespace {

using routing::Decision;

class Explainer {
 public:
  Explainer(const PointRouter& router, const ExplainContext& context, v1::ExplainResponse& response)
      : learner_(router.learner()),
        lanes_(router.lanes()),
        context_(context),
        response_(response) {}

  absl::Status Run(const v1::ExplainRequest& request) {
    const std::string tenant =
        request.tenant().empty() ? context_.default_tenant : request.tenant();
    response_.set_tenant(tenant);
    PLUMBAGO_RETURN_IF_ERROR(AddLimits(tenant));
    std::string canonical;
    const metric::NameFault fault = metric::Canonicalise(request.metric(), &canonical);
    if (fault != metric::NameFault::kNone) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", base::Excerpt(request.metric()),
          "\" is not a valid name: ", metric::NameFaultWord(fault), "; see docs/errors.md"));
    }
    response_.set_canonical(canonical);
    if (!learner_.has_shards() && learner_.needs_shards()) {
      return absl::UnavailableError("no slot map yet: waiting for the tenant-controller");
    }
    if (!learner_.HasRulesFor(tenant)) {
      AddStep("relay", absl::StrCat("no rules for the tenant ", tenant));
      AddShards(tenant, canonical, "");
      return absl::OkStatus();
    }
    AddDecision(tenant, request.metric());
    return absl::OkStatus();
  }

 private:
  void AddStep(const std::string& source, const std::string& text) {
    v1::ExplainResponse::Step* const step = response_.add_steps();
    step->set_source(source);
    step->set_text(text);
  }

  void AddDecision(const std::string& tenant, const std::string& metric) {
    for (const routing::TraceStep& step : learner_.rules().Explain(metric)) {
      AddStep(step.source, step.text);
    }
    const Decision decision = learner_.rules().Decide(metric);
    if (decision.drop_reason != routing::DropReason::kNone) {
      response_.set_drop_reason(DropReasonWord(ReasonOf(decision.drop_reason)));
    }
    for (const Decision::Send& send : decision.sends) {
      AddSend(tenant, decision.names[send.name], send);
    }
    for (const Decision::Feed& feed : decision.feeds) response_.add_aggregate(feed.name);
  }

  void AddSend(const std::string& tenant, const std::string& name, const Decision::Send& send) {
    std::string canonical;
    const metric::NameFault fault = metric::Canonicalise(name, &canonical);
    if (fault != metric::NameFault::kNone) {
      response_.set_drop_reason(DropReasonWord(ReasonOf(fault)));
      return;
    }
    const std::string condition = ConditionOf(send.required);
    const routing::RouteTable& rules = learner_.rules();
    if (rules.groups()[send.group].kind == routing::GroupKind::kShards) {
      return AddShards(tenant, canonical, condition);
    }
    for (const uint32_t endpoint : send.endpoints) {
      AddTarget(routing::Describe(rules.endpoints()[endpoint]), canonical,
                lanes_.lane_of_endpoint(endpoint), condition);
    }
  }

  void AddShards(const std::string& tenant, const std::string& canonical,
                 const std::string& condition) {
    if (!learner_.has_shards()) return response_.set_drop_reason("no_active_shard");
    const topology::SlotMap& map = *learner_.map();
    const uint32_t slot = topology::SlotOf(tenant, canonical);
    response_.set_slot(slot);
    bool is_somewhere = false;
    for (const uint16_t shard : map.ReplicasOf(slot)) {
      if (map.shards()[shard].state != topology::ShardState::kActive) continue;
      AddTarget(absl::StrCat("shard ", map.shards()[shard].id), canonical,
                lanes_.lane_of_shard(shard), condition);
      is_somewhere = true;
    }
    if (!is_somewhere) response_.set_drop_reason("no_active_shard");
  }

  void AddTarget(const std::string& name, const std::string& metric, uint16_t lane,
                 const std::string& condition) {
    v1::ExplainResponse::Target* const target = response_.add_targets();
    target->set_name(name);
    target->set_metric(metric);
    target->set_state(lanes_.StateWord(lane));
    target->set_condition(condition);
  }

  std::string ConditionOf(routing::DataChecks checks) const {
    std::string text;
    const auto& all = learner_.rules().data_checks();
    for (size_t i = 0; i < all.size(); ++i) {
      if ((checks >> i & 1) == 0) continue;
      absl::StrAppend(&text, text.empty() ? "" : " and ", "value and timestamp match ",
                      all[i].regex);
    }
    return text;
  }

  absl::Status AddLimits(const std::string& tenant) {
    const v1::Tenant* const record =
        context_.snapshot == nullptr ? nullptr : context_.snapshot->FindTenant(tenant);
    if (record == nullptr && (context_.snapshot != nullptr || tenant != context_.default_tenant)) {
      return absl::NotFoundError(absl::StrCat("there is no tenant \"", base::Excerpt(tenant),
                                              "\"; plumbagoctl tenant list shows all"));
    }
    const v1::Limits limits = record == nullptr ? v1::Limits() : record->limits();
    AddLimit("points_per_second", limits.has_points_per_second(), limits.points_per_second(),
             context_.default_rates.points_per_second);
    AddLimit("new_series_per_second", limits.has_new_series_per_second(),
             limits.new_series_per_second(), context_.default_rates.new_series_per_second);
    AddLimit("name_bytes_max", limits.has_name_bytes_max(), limits.name_bytes_max(),
             context_.default_name_bytes_max);
    AddLimit("connections", limits.has_connections(), limits.connections(),
             context_.default_connections_max);
    return absl::OkStatus();
  }

  void AddLimit(const std::string& name, bool is_own, uint64_t own, uint64_t of_relay) {
    v1::ExplainResponse::Limit* const limit = response_.add_limits();
    const uint64_t value = is_own ? own : of_relay;
    limit->set_name(name);
    limit->set_value(value == 0 ? std::string("none") : absl::StrCat(value));
    limit->set_origin(is_own ? "tenant" : "relay");
  }

  const SeriesLearner& learner_;
  const LaneSet& lanes_;
  const ExplainContext& context_;
  v1::ExplainResponse& response_;
};

}  // namespace

absl::StatusOr<v1::ExplainResponse> Explain(const PointRouter& router,
                                            const ExplainContext& context,
                                            const v1::ExplainRequest& request) {
  v1::ExplainResponse response;
  PLUMBAGO_RETURN_IF_ERROR(Explainer(router, context, response).Run(request));
  return response;
}

}  // namespace plumbago::relay
