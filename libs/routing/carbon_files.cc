#include "routing/carbon_files.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/config_file.h"
#include "base/status.h"
#include "routing/internal/aggregation_rules.h"
#include "routing/route_table_builder.h"

namespace plumbago::routing {
namespace {

using File = CarbonFiles::File;

constexpr absl::string_view kShardsName = "shards";
constexpr absl::string_view kRelayRuleKeys[] = {"pattern", "destinations", "continue", "default"};

bool IsAggregated(RelayMethod method) {
  return method == RelayMethod::kAggregatedConsistentHashing ||
         method == RelayMethod::kFastAggregatedHashing;
}

bool IsFast(RelayMethod method) {
  return method == RelayMethod::kFastHashing || method == RelayMethod::kFastAggregatedHashing;
}

class Reader {
 public:
  explicit Reader(const CarbonFiles& files) : files_(files) {}

  absl::StatusOr<std::shared_ptr<const RouteTable>> Read() {
    PLUMBAGO_RETURN_IF_ERROR(AddBlacklist());
    PLUMBAGO_RETURN_IF_ERROR(AddWhitelist());
    PLUMBAGO_RETURN_IF_ERROR(ReadRewrites());
    PLUMBAGO_RETURN_IF_ERROR(AddRewrites("pre"));
    PLUMBAGO_RETURN_IF_ERROR(AddAggregation());
    PLUMBAGO_RETURN_IF_ERROR(AddRewrites("post"));
    builder_.SetFirstRuleOfAggregates(builder_.rule_count());
    PLUMBAGO_RETURN_IF_ERROR(AddRelaying());
    return builder_.Build();
  }

 private:
  struct Rewrite {
    std::string section;
    std::string pattern;
    std::string replacement;
    int line;
  };

  absl::Status AddBlacklist() {
    return ForEachPattern(files_.blacklist, [this](uint32_t pattern, std::string source) {
      builder_.AddRule({.action = Rule::Action::kDrop,
                        .source = std::move(source),
                        .pattern = pattern,
                        .drop_reason = DropReason::kBlacklist});
    });
  }

  absl::Status AddWhitelist() {
    const uint32_t first = builder_.rule_count();
    PLUMBAGO_RETURN_IF_ERROR(
        ForEachPattern(files_.whitelist, [this](uint32_t pattern, std::string source) {
          builder_.AddRule(
              {.action = Rule::Action::kAllow, .source = std::move(source), .pattern = pattern});
        }));
    const uint32_t end = builder_.rule_count() + 1;
    if (builder_.rule_count() == first) return absl::OkStatus();
    for (uint32_t i = first; i + 1 < end; ++i) builder_.rule(i).jump_to = end;
    builder_.AddRule({.action = Rule::Action::kDrop,
                      .source = files_.whitelist.name,
                      .drop_reason = DropReason::kNotInWhitelist});
    return absl::OkStatus();
  }

  // One pattern a line; '#' is a comment only in the first column, as in carbon/regexlist.py.
  absl::Status ForEachPattern(const File& file,
                              const std::function<void(uint32_t, std::string)>& add) {
    int line = 0;
    for (const absl::string_view raw : absl::StrSplit(file.text, '\n')) {
      ++line;
      const absl::string_view text = absl::StripAsciiWhitespace(raw);
      if (text.empty() || raw.front() == '#') continue;
      PLUMBAGO_ASSIGN_OR_RETURN(const uint32_t pattern,
                                AddPattern(text, Dialect::kPython, file, line));
      add(pattern, Source(file, line, text));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<uint32_t> AddPattern(absl::string_view text, Dialect dialect, const File& file,
                                      int line) {
    const auto pattern = builder_.patterns().Add(text, dialect);
    if (pattern.ok()) return *pattern;
    return base::ConfigError(pattern.status().message(), file.name, line);
  }

  // Not ConfigParser's: "regex = replacement", and the regex may hold anything but '='.
  absl::Status ReadRewrites() {
    const File& file = files_.rewrite_rules;
    std::vector<std::string> sections;
    int line = 0;
    for (const absl::string_view raw : absl::StrSplit(file.text, '\n')) {
      ++line;
      const absl::string_view text = absl::StripAsciiWhitespace(raw);
      if (text.empty() || text.front() == '#') continue;
      if (text.front() == '[' && text.back() == ']') {
        std::string name = absl::AsciiStrToLower(text.substr(1, text.size() - 2));
        if ((name != "pre" && name != "post") ||
            std::find(sections.begin(), sections.end(), name) != sections.end()) {
          return base::ConfigError(
              absl::StrCat("section \"", base::Excerpt(text),
                           "\" is unknown or there twice; the sections are [pre] and [post]"),
              file.name, line);
        }
        sections.push_back(std::move(name));
        continue;
      }
      const size_t equals = text.find('=');
      if (equals == absl::string_view::npos || sections.empty()) {
        return base::ConfigError(
            absl::StrCat("\"", base::Excerpt(text),
                         "\" is no \"REGEX = REPLACEMENT\" in [pre] or [post]"),
            file.name, line);
      }
      rewrites_.push_back(
          {.section = sections.back(),
           .pattern = std::string(absl::StripAsciiWhitespace(text.substr(0, equals))),
           .replacement = std::string(absl::StripAsciiWhitespace(text.substr(equals + 1))),
           .line = line});
    }
    return absl::OkStatus();
  }

  absl::Status AddRewrites(absl::string_view section) {
    const File& file = files_.rewrite_rules;
    for (const Rewrite& rewrite : rewrites_) {
      if (rewrite.section != section) continue;
      PLUMBAGO_ASSIGN_OR_RETURN(const uint32_t pattern,
                                AddPattern(rewrite.pattern, Dialect::kPython, file, rewrite.line));
      auto name =
          NameTemplate::ParsePython(rewrite.replacement, builder_.patterns().regex(pattern));
      if (!name.ok()) {
        return base::ConfigError(absl::StrCat("replacement \"", base::Excerpt(rewrite.replacement),
                                              "\": ", name.status().message()),
                                 file.name, rewrite.line);
      }
      builder_.AddRule(
          {.action = Rule::Action::kRewriteAll,
           .source = Source(file, rewrite.line, absl::StrCat("[", section, "] ", rewrite.pattern)),
           .pattern = pattern,
           .name = *std::move(name)});
    }
    return absl::OkStatus();
  }

  // Feeds, or only names to hash by where an aggregator stands behind this relay.
  absl::Status AddAggregation() {
    const File& file = files_.aggregation_rules;
    const bool is_key = IsAggregated(files_.method);
    PLUMBAGO_ASSIGN_OR_RETURN(auto rules, ParseAggregationRules(file.text, file.name));
    for (AggregationRule& rule : rules) {
      PLUMBAGO_ASSIGN_OR_RETURN(const uint32_t pattern,
                                AddPattern(rule.regex, Dialect::kPython, file, rule.line));
      auto name = NameTemplate::ParseFields(rule.output, builder_.patterns().regex(pattern));
      if (!name.ok()) {
        return base::ConfigError(
            absl::StrCat("output \"", base::Excerpt(rule.output), "\": ", name.status().message()),
            file.name, rule.line);
      }
      const std::string source = Source(file, rule.line, rule.spec.identity);
      const uint32_t spec = is_key ? 0 : builder_.AddAggregate(std::move(rule.spec));
      builder_.AddRule({.action = is_key ? Rule::Action::kKey : Rule::Action::kAggregate,
                        .source = source,
                        .pattern = pattern,
                        .outputs = {{.aggregate = spec, .name = *std::move(name)}}});
    }
    if (is_key || rules.empty()) return absl::OkStatus();
    const bool forwards = files_.forward_all == CarbonFiles::ForwardAll::kYes;
    builder_.AddRule(
        {.action = Rule::Action::kHideConsumed,
         .source = "FORWARD_ALL",
         .consumed = forwards ? Rule::Consumed::kSameName : Rule::Consumed::kEverything});
    return absl::OkStatus();
  }

  absl::Status AddRelaying() {
    if (files_.method == RelayMethod::kShards) {
      builder_.AddRule({.source = "relay method", .groups = {builder_.ShardsGroup()}});
      return absl::OkStatus();
    }
    PLUMBAGO_ASSIGN_OR_RETURN(allowed_, ParseDestinations(files_.destinations));
    if (files_.method == RelayMethod::kRules) return AddRelayRules();
    if (allowed_.endpoints.empty() && !allowed_.has_shards) {
      return absl::InvalidArgumentError("the relay method needs destinations");
    }
    Rule rule{
        .action = IsAggregated(files_.method) ? Rule::Action::kSendByOutputs : Rule::Action::kSend,
        .source = "relay method"};
    if (files_.method == RelayMethod::kConstant) {
      rule.groups = GroupsOf(allowed_, "destinations");
    } else {
      PLUMBAGO_ASSIGN_OR_RETURN(HostGroup ring, MakeRing());
      rule.groups.push_back(builder_.AddGroup(std::move(ring)));
    }
    builder_.AddRule(std::move(rule));
    return absl::OkStatus();
  }

  struct Destinations {
    bool has_shards = false;
    std::vector<uint32_t> endpoints;
  };

  template <typename Texts>
  absl::StatusOr<Destinations> ParseDestinations(const Texts& texts) {
    Destinations result;
    for (const auto& raw : texts) {
      const absl::string_view text = absl::StripAsciiWhitespace(raw);
      if (text == kShardsName) {
        result.has_shards = true;
        continue;
      }
      PLUMBAGO_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(text, files_.protocol));
      result.endpoints.push_back(builder_.AddEndpoint(endpoint));
    }
    return result;
  }

  std::vector<uint32_t> GroupsOf(const Destinations& destinations, const std::string& name) {
    std::vector<uint32_t> groups;
    if (destinations.has_shards) groups.push_back(builder_.ShardsGroup());
    if (!destinations.endpoints.empty()) {
      groups.push_back(builder_.AddGroup(
          {.name = name, .kind = GroupKind::kForward, .endpoints = destinations.endpoints}));
    }
    return groups;
  }

  absl::StatusOr<HostGroup> MakeRing() {
    if (allowed_.has_shards) {
      return absl::InvalidArgumentError(
          "\"shards\" cannot be one of several destinations of a hash ring; send to it by "
          "relay-rules.conf");
    }
    HashRing::Options options{
        .hash = IsFast(files_.method) ? RingHash::kMurmur3 : RingHash::kCarbon,
        .flavour = IsFast(files_.method) ? RingFlavour::kCarbonFast : RingFlavour::kCarbon,
        .replication_factor = files_.replication_factor,
        .replicas = files_.replicas};
    if (!files_.router_hash.empty()) {
      PLUMBAGO_ASSIGN_OR_RETURN(options.hash, ParseRingHash(files_.router_hash));
    }
    std::vector<RingNode> nodes;
    for (const uint32_t index : allowed_.endpoints) {
      const Endpoint& endpoint = builder_.endpoint(index);
      nodes.push_back(
          {.server = endpoint.host, .port = endpoint.port, .instance = endpoint.instance});
    }
    PLUMBAGO_ASSIGN_OR_RETURN(HashRing ring, HashRing::Make(options, std::move(nodes)));
    return HostGroup{.name = "destinations",
                     .kind = GroupKind::kHashRing,
                     .endpoints = allowed_.endpoints,
                     .ring = std::move(ring)};
  }

  absl::Status AddRelayRules() {
    const File& file = files_.relay_rules;
    PLUMBAGO_ASSIGN_OR_RETURN(const auto sections, base::ParseConfigFile(file.text, file.name));
    std::optional<Rule> default_rule;
    for (const base::ConfigSection& section : sections) {
      PLUMBAGO_RETURN_IF_ERROR(CheckKeys(section));
      PLUMBAGO_ASSIGN_OR_RETURN(Rule rule, ParseRelayRule(section));
      const base::ConfigEntry* is_default = section.Find("default");
      if (is_default == nullptr) {
        builder_.AddRule(std::move(rule));
        continue;
      }
      PLUMBAGO_ASSIGN_OR_RETURN(const bool holds, ParseBool(*is_default));
      if (!holds) continue;
      if (default_rule.has_value()) {
        return base::ConfigError("a second section with default = true", file.name, section.line);
      }
      default_rule = std::move(rule);
    }
    if (!default_rule.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("no section with default = true and destinations (", file.name, ")"));
    }
    builder_.AddRule(*std::move(default_rule));
    return absl::OkStatus();
  }

  absl::Status CheckKeys(const base::ConfigSection& section) const {
    const std::string& file = files_.relay_rules.name;
    if (section.name == "DEFAULT") {
      return base::ConfigError("[DEFAULT] would be inherited by every section; name it otherwise",
                               file, section.line);
    }
    for (const base::ConfigEntry& entry : section.entries) {
      if (std::find(std::begin(kRelayRuleKeys), std::end(kRelayRuleKeys), entry.key) ==
          std::end(kRelayRuleKeys)) {
        return base::ConfigError(
            absl::StrCat("unknown key '", base::Excerpt(entry.key),
                         "'; known are pattern, destinations, continue and default"),
            file, entry.line);
      }
    }
    if ((section.Find("pattern") != nullptr) == (section.Find("default") != nullptr)) {
      return base::ConfigError(absl::StrCat("[", base::Excerpt(section.name),
                                            "] needs either 'pattern' or 'default = true'"),
                               file, section.line);
    }
    if (section.Find("destinations") == nullptr) {
      return base::ConfigError(
          absl::StrCat("[", base::Excerpt(section.name), "] has no 'destinations'"), file,
          section.line);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Rule> ParseRelayRule(const base::ConfigSection& section) {
    const File& file = files_.relay_rules;
    Rule rule{.source = Source(file, section.line, absl::StrCat("[", section.name, "]")),
              .next = Rule::Next::kStop};
    if (const base::ConfigEntry* pattern = section.Find("pattern")) {
      PLUMBAGO_ASSIGN_OR_RETURN(rule.pattern, AddPattern(pattern->value, Dialect::kPythonIgnoreCase,
                                                         file, pattern->line));
    }
    if (const base::ConfigEntry* goes_on = section.Find("continue")) {
      PLUMBAGO_ASSIGN_OR_RETURN(const bool holds, ParseBool(*goes_on));
      rule.next = holds ? Rule::Next::kGoOn : Rule::Next::kStop;
    }
    const base::ConfigEntry& entry = *section.Find("destinations");
    const std::vector<absl::string_view> texts = absl::StrSplit(entry.value, ',');
    auto destinations = ParseDestinations(texts);
    if (!destinations.ok()) {
      return base::ConfigError(destinations.status().message(), file.name, entry.line);
    }
    if (!files_.destinations.empty()) {
      std::erase_if(destinations->endpoints, [this](uint32_t endpoint) {
        return std::find(allowed_.endpoints.begin(), allowed_.endpoints.end(), endpoint) ==
               allowed_.endpoints.end();
      });
    }
    rule.groups = GroupsOf(*destinations, section.name);
    return rule;
  }

  // ConfigParser.getboolean.
  absl::StatusOr<bool> ParseBool(const base::ConfigEntry& entry) const {
    const std::string value = absl::AsciiStrToLower(entry.value);
    for (const absl::string_view yes : {"1", "yes", "true", "on"}) {
      if (value == yes) return true;
    }
    for (const absl::string_view no : {"0", "no", "false", "off"}) {
      if (value == no) return false;
    }
    return base::ConfigError(absl::StrCat(entry.key, " = \"", base::Excerpt(entry.value),
                                          "\" is neither true nor false"),
                             files_.relay_rules.name, entry.line);
  }

  static std::string Source(const File& file, int line, absl::string_view what) {
    return absl::StrCat(file.name, " line ", line, " ", what);
  }

  const CarbonFiles& files_;
  RouteTableBuilder builder_{NameScope::kWholeMetric};
  std::vector<Rewrite> rewrites_;
  Destinations allowed_;  // DESTINATIONS
};

}  // namespace

absl::StatusOr<std::shared_ptr<const RouteTable>> ParseCarbonFiles(const CarbonFiles& files) {
  return Reader(files).Read();
}

absl::StatusOr<RelayMethod> ParseRelayMethod(absl::string_view name) {
  if (name == "shards") return RelayMethod::kShards;
  if (name == "rules") return RelayMethod::kRules;
  if (name == "constant") return RelayMethod::kConstant;
  if (name == "consistent-hashing") return RelayMethod::kConsistentHashing;
  if (name == "aggregated-consistent-hashing") return RelayMethod::kAggregatedConsistentHashing;
  if (name == "fast-hashing") return RelayMethod::kFastHashing;
  if (name == "fast-aggregated-hashing") return RelayMethod::kFastAggregatedHashing;
  return absl::InvalidArgumentError(
      absl::StrCat("relay method \"", base::Excerpt(name),
                   "\" is unknown; known are shards, rules, constant, consistent-hashing, "
                   "aggregated-consistent-hashing, fast-hashing and fast-aggregated-hashing"));
}

}  // namespace plumbago::routing
