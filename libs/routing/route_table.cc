#include "routing/route_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "routing/internal/route_state.h"

namespace plumbago::routing {
namespace {

using Groups = std::array<re2::StringPiece, kGroupsMax>;

// The first endpoint of an any_of group, a ring or a failover group, or all of them.
void ChooseEndpoints(const HostGroup& group, absl::string_view key, std::vector<uint32_t>* chosen) {
  switch (group.kind) {
    case GroupKind::kShards:
      return;
    case GroupKind::kForward:
      *chosen = group.endpoints;
      return;
    case GroupKind::kAnyOf:
      chosen->push_back(group.endpoints[Fnv1a32(key, CharKind::kSigned) % group.endpoints.size()]);
      return;
    case GroupKind::kFailover:
      chosen->push_back(group.endpoints.front());
      return;
    case GroupKind::kHashRing:
      group.ring->Choose(key, chosen);
      for (uint32_t& node : *chosen) node = group.endpoints[node];
      return;
  }
}

}  // namespace

const char* DropReasonWord(DropReason reason) {
  switch (reason) {
    case DropReason::kNone:
      return "none";
    case DropReason::kBlacklist:
      return "blacklist";
    case DropReason::kNotInWhitelist:
      return "not_in_whitelist";
    case DropReason::kBlackhole:
      return "blackhole";
    case DropReason::kNoRoute:
      return "no_route";
    case DropReason::kNameTooLong:
      return "rewritten_name_too_long";
  }
  return "unknown";
}

// One metric on its way through the rules.
class RouteTable::Evaluation {
 public:
  Evaluation(const State& state, absl::string_view metric, std::vector<TraceStep>* trace)
      : state_(state), trace_(trace) {
    const size_t tags =
        state.scope == NameScope::kWithoutTags ? metric.find(';') : absl::string_view::npos;
    name_ = std::string(metric.substr(0, tags));
    if (tags != absl::string_view::npos) tags_ = std::string(metric.substr(tags));
  }

  Decision Run(uint32_t first_rule) {
    next_rule_ = first_rule;
    FindCandidates();
    for (size_t i = 0; i < rules_.size() && !is_stopped_;) {
      const uint32_t index = rules_[i++];
      if (index < next_rule_) continue;
      next_rule_ = index + 1;
      if (!Matches(state_.rules[index])) continue;
      Apply(state_.rules[index]);
      if (!is_rewritten_) continue;
      FindCandidates();  // other rules can match the new name
      i = 0;
    }
    return Finish();
  }

  Decision RunGroups(const std::vector<uint32_t>& groups) {
    for (const uint32_t group : groups) Send(group, name_, 0);
    return Finish();
  }

 private:
  // The rules whose patterns may match name_, and those without a pattern, ascending.
  void FindCandidates() {
    is_rewritten_ = false;
    state_.patterns.Candidates(name_, &patterns_);
    rules_ = state_.rules_without_pattern;
    const size_t middle = rules_.size();
    for (const uint32_t pattern : patterns_) {
      const auto& rules = state_.rules_of_pattern[pattern];
      rules_.insert(rules_.end(), rules.begin(), rules.end());
    }
    // Patterns were added in the order of the rules, but for those of data checks.
    std::sort(rules_.begin() + static_cast<std::ptrdiff_t>(middle), rules_.end());
    std::inplace_merge(rules_.begin(), rules_.begin() + static_cast<std::ptrdiff_t>(middle),
                       rules_.end());
  }

  // Fills groups_ where the rule builds a name.
  bool Matches(const Rule& rule) {
    if (rule.pattern == Rule::kEveryMetric) {
      groups_[0] = re2::StringPiece(name_);
      return true;
    }
    const re2::RE2& regex = state_.patterns.regex(rule.pattern);
    const bool needs_groups = rule.has_key || !rule.outputs.empty();
    const int group_count =
        needs_groups ? std::min(regex.NumberOfCapturingGroups() + 1, kGroupsMax) : 0;
    return regex.Match(name_, 0, name_.size(), re2::RE2::UNANCHORED, groups_.data(), group_count);
  }

  void Apply(const Rule& rule) {
    switch (rule.action) {
      case Rule::Action::kDrop:
        decision_.drop_reason = rule.drop_reason;
        Note(rule, [&] { return absl::StrCat("drops ", name_); });
        is_stopped_ = true;
        return;
      case Rule::Action::kAllow:
        next_rule_ = rule.jump_to;
        Note(rule, [&] { return absl::StrCat("allows ", name_); });
        return;
      case Rule::Action::kRewriteAll:
      case Rule::Action::kRewriteFirst:
        return Rewrite(rule);
      case Rule::Action::kAggregate:
        Aggregate(rule);
        break;
      case Rule::Action::kHideConsumed:
        HideConsumed(rule);
        return;
      case Rule::Action::kSend:
      case Rule::Action::kSendByOutputs:
        SendAll(rule);
        break;
      case Rule::Action::kKey:
        keys_.push_back(BuildName(rule.outputs.front().name, Rule::Around::kReplace));
        Note(rule, [&] { return absl::StrCat("hashes ", name_, " as ", keys_.back()); });
        return;
      case Rule::Action::kCheckData:
        required_ |= DataChecks{1} << rule.check;
        decision_.checks |= required_;
        Note(rule, [] { return std::string("lets only points on that pass the check"); });
        break;
    }
    if (rule.next == Rule::Next::kStop) is_stopped_ = true;
  }

  void Rewrite(const Rule& rule) {
    const std::string before = trace_ == nullptr ? std::string() : name_;
    const re2::RE2& regex = state_.patterns.regex(rule.pattern);
    rule.action == Rule::Action::kRewriteAll ? ReplaceAll(regex, rule.name, &name_)
                                             : ReplaceFirst(regex, rule.name, &name_);
    Note(rule, [&] { return absl::StrCat("rewrites ", before, " to ", name_); });
    is_rewritten_ = true;
    if (name_.size() + tags_.size() <= kBuiltNameBytesMax) return;
    decision_.drop_reason = DropReason::kNameTooLong;
    is_stopped_ = true;
  }

  std::string BuildName(const NameTemplate& name, Rule::Around around) const {
    std::string built;
    const bool keeps_around = around == Rule::Around::kKeep;
    const auto begin = static_cast<size_t>(groups_[0].data() - name_.data());
    if (keeps_around) built.append(name_, 0, begin);
    name.Append(groups_, &built);
    if (keeps_around) built.append(name_, begin + groups_[0].size(), std::string::npos);
    return built;
  }

  void Aggregate(const Rule& rule) {
    for (const Rule::Output& output : rule.outputs) {
      std::string name = BuildName(output.name, output.around);
      Note(rule, [&] { return absl::StrCat("aggregates ", name_, " into ", name); });
      if (name.size() > kBuiltNameBytesMax) continue;
      decision_.feeds.push_back(
          {.aggregate = output.aggregate, .name = std::move(name), .required = required_});
    }
  }

  void HideConsumed(const Rule& rule) {
    const bool is_consumed =
        rule.consumed == Rule::Consumed::kEverything ||
        std::any_of(decision_.feeds.begin(), decision_.feeds.end(),
                    [this](const Decision::Feed& feed) { return feed.name == name_; });
    if (!is_consumed) return;
    Note(rule, [&] { return absl::StrCat("forwards only aggregates, not ", name_); });
    is_stopped_ = true;
  }

  void SendAll(const Rule& rule) {
    const DataChecks check = rule.check < 0 ? 0 : DataChecks{1} << rule.check;
    std::string key = name_;
    if (rule.has_key) key = BuildName(rule.name, Rule::Around::kKeep);
    for (const uint32_t group : rule.groups) {
      if (rule.action == Rule::Action::kSend || keys_.empty()) {
        Send(group, key, check);
      } else {
        for (const std::string& name : keys_) Send(group, name, check);
      }
    }
    Note(rule, [&] { return DescribeSends(rule); });
  }

  void Send(uint32_t group, absl::string_view key, DataChecks check) {
    Decision::Send send{.group = group, .name = NameIndex(), .required = required_ | check};
    decision_.checks |= send.required;
    const HostGroup& hosts = state_.groups[group];
    ChooseEndpoints(hosts, key, &send.endpoints);
    const bool is_shards = hosts.kind == GroupKind::kShards;
    for (const Decision::Send& earlier : decision_.sends) {
      if (earlier.name != send.name || (earlier.required & ~send.required) != 0) continue;
      if (is_shards && earlier.group == group) return;
      std::erase_if(send.endpoints, [&earlier](uint32_t endpoint) {
        return std::find(earlier.endpoints.begin(), earlier.endpoints.end(), endpoint) !=
               earlier.endpoints.end();
      });
    }
    if (is_shards || !send.endpoints.empty()) decision_.sends.push_back(std::move(send));
  }

  uint32_t NameIndex() {
    const std::string name = absl::StrCat(name_, tags_);
    auto& names = decision_.names;
    if (names.empty() || names.back() != name) names.push_back(name);
    return static_cast<uint32_t>(names.size() - 1);
  }

  std::string DescribeSends(const Rule& rule) const {
    std::vector<std::string> groups;
    for (const uint32_t group : rule.groups) groups.push_back(state_.groups[group].name);
    return absl::StrCat("sends ", name_, tags_, " to ", absl::StrJoin(groups, ", "),
                        rule.next == Rule::Next::kStop ? "; stops" : "");
  }

  Decision Finish() {
    NameIndex();
    const bool goes_nowhere = decision_.sends.empty() && decision_.feeds.empty();
    if (!goes_nowhere) decision_.drop_reason = DropReason::kNone;
    if (goes_nowhere && decision_.drop_reason == DropReason::kNone) {
      decision_.drop_reason = DropReason::kNoRoute;
    }
    return std::move(decision_);
  }

  template <typename Text>
  void Note(const Rule& rule, const Text& text) {
    if (trace_ != nullptr) trace_->push_back({.source = rule.source, .text = text()});
  }

  const State& state_;
  std::vector<TraceStep>* const trace_;
  std::string name_;
  std::string tags_;
  std::vector<uint32_t> patterns_;
  std::vector<uint32_t> rules_;
  Groups groups_;
  std::vector<std::string> keys_;
  DataChecks required_ = 0;
  uint32_t next_rule_ = 0;  // those before are done
  bool is_rewritten_ = false;
  bool is_stopped_ = false;
  Decision decision_;
};

RouteTable::RouteTable(std::unique_ptr<const State> state) : state_(std::move(state)) {}
RouteTable::~RouteTable() = default;

std::shared_ptr<const RouteTable> RouteTable::ShardsOnly() {
  RouteTableBuilder builder(NameScope::kWholeMetric);
  builder.AddRule({.source = "no rules", .groups = {builder.ShardsGroup()}});
  return builder.Build();
}

Decision RouteTable::Decide(absl::string_view metric) const {
  return Evaluation(*state_, metric, nullptr).Run(0);
}

Decision RouteTable::DecideAggregate(const AggregateSpec& spec, absl::string_view name) const {
  Evaluation evaluation(*state_, name, nullptr);
  return spec.groups.empty() ? evaluation.Run(spec.first_rule) : evaluation.RunGroups(spec.groups);
}

std::vector<TraceStep> RouteTable::Explain(absl::string_view metric) const {
  std::vector<TraceStep> trace;
  const Decision decision = Evaluation(*state_, metric, &trace).Run(0);
  trace.push_back({.source = "result", .text = routing::Describe(*this, decision)});
  return trace;
}

DataChecks RouteTable::PassedChecks(DataChecks checks, absl::string_view data) const {
  DataChecks passed = 0;
  for (size_t i = 0; i < state_->data_checks.size(); ++i) {
    const DataChecks bit = DataChecks{1} << i;
    if ((checks & bit) == 0) continue;
    if (state_->patterns.Matches(state_->data_checks[i].pattern, data)) passed |= bit;
  }
  return passed;
}

const std::vector<Endpoint>& RouteTable::endpoints() const { return state_->endpoints; }
const std::vector<HostGroup>& RouteTable::groups() const { return state_->groups; }
const std::vector<std::shared_ptr<const AggregateSpec>>& RouteTable::aggregates() const {
  return state_->shared_aggregates;
}
const std::vector<DataCheck>& RouteTable::data_checks() const { return state_->data_checks; }
size_t RouteTable::rule_count() const { return state_->rules.size(); }

std::string RouteTable::DescribeSend(const Decision::Send& send) const {
  const HostGroup& group = groups()[send.group];
  if (group.kind == GroupKind::kShards) return "shards";
  std::vector<std::string> texts;
  for (const uint32_t endpoint : send.endpoints) {
    texts.push_back(routing::Describe(endpoints()[endpoint]));
  }
  return absl::StrJoin(texts, ", ");
}

}  // namespace plumbago::routing
