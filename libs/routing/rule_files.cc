#include "routing/rule_files.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "routing/carbon_conf.h"

namespace plumbago::routing {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{16} << 20;

class Loader {
 public:
  Loader(const RuleSettings& settings, base::FileSystem& file_system)
      : settings_(settings), file_system_(file_system) {}

  absl::StatusOr<LoadedRules> Load() {
    PLUMBAGO_RETURN_IF_ERROR(ReadConf());
    PLUMBAGO_RETURN_IF_ERROR(TakeSettings());
    PLUMBAGO_RETURN_IF_ERROR(ReadFiles());
    LoadedRules rules;
    rules.aggregator = {.memory_bytes_max = settings_.aggregator_bytes_max,
                        .max_aggregation_intervals = conf_.max_aggregation_intervals,
                        .write_back_seconds = conf_.write_back_seconds};
    if (IsNothing()) return rules;
    PLUMBAGO_ASSIGN_OR_RETURN(rules.table, ParseCarbonFiles(conf_.files));
    return rules;
  }

 private:
  absl::Status ReadConf() {
    conf_.files.method = RelayMethod::kShards;
    if (settings_.carbon_conf.empty()) return absl::OkStatus();
    const absl::StatusOr<CarbonProgram> program = ParseCarbonProgram(settings_.carbon_program);
    if (!program.ok()) return base::Annotate(program.status(), "--carbon-program");
    PLUMBAGO_ASSIGN_OR_RETURN(const std::string text, Read(settings_.carbon_conf, "--carbon-conf"));
    PLUMBAGO_ASSIGN_OR_RETURN(conf_, ParseCarbonConf(text, settings_.carbon_conf, *program));
    return absl::OkStatus();
  }

  absl::Status TakeSettings() {
    CarbonFiles& files = conf_.files;
    if (!settings_.relay_method.empty()) {
      PLUMBAGO_RETURN_IF_ERROR(
          Take("--relay-method", ParseRelayMethod(settings_.relay_method), &files.method));
    } else if (!settings_.relay_rules.empty()) {
      files.method = RelayMethod::kRules;
    }
    if (!settings_.destinations.empty()) {
      PLUMBAGO_RETURN_IF_ERROR(Take("--destinations", ParseDestinationList(settings_.destinations),
                                    &files.destinations));
    }
    if (!settings_.destination_protocol.empty()) {
      PLUMBAGO_RETURN_IF_ERROR(Take("--destination-protocol",
                                    ParseProtocol(settings_.destination_protocol),
                                    &files.protocol));
    }
    if (!settings_.router_hash.empty()) {
      RingHash known{};
      PLUMBAGO_RETURN_IF_ERROR(
          Take("--router-hash-type", ParseRingHash(settings_.router_hash), &known));
      files.router_hash = settings_.router_hash;
    }
    if (!settings_.diverse_replicas.empty()) {
      bool is_diverse = true;
      PLUMBAGO_RETURN_IF_ERROR(
          Take("--diverse-replicas", ParseCarbonBool(settings_.diverse_replicas), &is_diverse));
      files.replicas = is_diverse ? HashRing::Options::Replicas::kDiverseServers
                                  : HashRing::Options::Replicas::kAnyNode;
    }
    if (!settings_.forward_all.empty()) {
      bool forwards = true;
      PLUMBAGO_RETURN_IF_ERROR(
          Take("--forward-all", ParseCarbonBool(settings_.forward_all), &forwards));
      files.forward_all = forwards ? CarbonFiles::ForwardAll::kYes : CarbonFiles::ForwardAll::kNo;
    }
    if (settings_.replication_factor > 0) files.replication_factor = settings_.replication_factor;
    if (settings_.max_aggregation_intervals > 0) {
      conf_.max_aggregation_intervals = settings_.max_aggregation_intervals;
    }
    if (settings_.write_back_seconds >= 0) {
      conf_.write_back_seconds = static_cast<uint32_t>(settings_.write_back_seconds);
    }
    return absl::OkStatus();
  }

  template <typename Value>
  static absl::Status Take(absl::string_view flag, absl::StatusOr<Value> value, Value* to) {
    if (!value.ok()) return base::Annotate(value.status(), flag);
    *to = *std::move(value);
    return absl::OkStatus();
  }

  // A file that is named has to be there; one beside carbon.conf is read where carbon would.
  absl::Status ReadFiles() {
    CarbonFiles& files = conf_.files;
    const RelayMethod method = files.method;
    const bool hashes_by_aggregates = method == RelayMethod::kAggregatedConsistentHashing ||
                                      method == RelayMethod::kFastAggregatedHashing;
    const bool has_lists = conf_.uses_lists;
    PLUMBAGO_RETURN_IF_ERROR(
        ReadRules("--blacklist", settings_.blacklist, has_lists, &files.blacklist));
    PLUMBAGO_RETURN_IF_ERROR(
        ReadRules("--whitelist", settings_.whitelist, has_lists, &files.whitelist));
    PLUMBAGO_RETURN_IF_ERROR(ReadRules("--rewrite-rules", settings_.rewrite_rules,
                                       conf_.has_aggregator, &files.rewrite_rules));
    PLUMBAGO_RETURN_IF_ERROR(ReadRules("--aggregation-rules", settings_.aggregation_rules,
                                       conf_.has_aggregator || hashes_by_aggregates,
                                       &files.aggregation_rules));
    PLUMBAGO_RETURN_IF_ERROR(ReadRules("--relay-rules", settings_.relay_rules,
                                       method == RelayMethod::kRules, &files.relay_rules));
    if (method == RelayMethod::kRules && files.relay_rules.text.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the relay method rules needs relay-rules.conf; name it with --relay-rules",
                       settings_.carbon_conf.empty() ? "" : ", or put it beside carbon.conf"));
    }
    return absl::OkStatus();
  }

  absl::Status ReadRules(absl::string_view flag, const std::string& path, bool is_beside_conf,
                         CarbonFiles::File* file) {
    std::string from = path;
    if (from.empty() && is_beside_conf && !settings_.carbon_conf.empty()) {
      const size_t slash = settings_.carbon_conf.rfind('/');
      const std::string directory =
          slash == std::string::npos ? "" : settings_.carbon_conf.substr(0, slash + 1);
      from = directory + file->name;
      if (absl::IsNotFound(file_system_.Stat(from).status())) return absl::OkStatus();
    }
    if (from.empty()) return absl::OkStatus();
    PLUMBAGO_ASSIGN_OR_RETURN(file->text, Read(from, flag));
    file->name = from;
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Read(const std::string& path, absl::string_view flag) {
    absl::StatusOr<std::string> text = base::ReadWholeFile(file_system_, path, kFileBytesMax);
    if (!text.ok()) return base::Annotate(text.status(), flag);
    return text;
  }

  bool IsNothing() const {
    const CarbonFiles& files = conf_.files;
    return files.method == RelayMethod::kShards && files.blacklist.text.empty() &&
           files.whitelist.text.empty() && files.rewrite_rules.text.empty() &&
           files.aggregation_rules.text.empty();
  }

  const RuleSettings& settings_;
  base::FileSystem& file_system_;
  CarbonConf conf_;
};

absl::Status CheckThatNothingElseIsSet(const RuleSettings& settings) {
  const struct {
    const char* flag;
    const std::string& value;
  } others[] = {{"--carbon-conf", settings.carbon_conf},
                {"--relay-rules", settings.relay_rules},
                {"--rewrite-rules", settings.rewrite_rules},
                {"--aggregation-rules", settings.aggregation_rules},
                {"--blacklist", settings.blacklist},
                {"--whitelist", settings.whitelist},
                {"--relay-method", settings.relay_method},
                {"--destinations", settings.destinations}};
  for (const auto& other : others) {
    if (other.value.empty()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--carbon-c-relay-config and ", other.flag,
                     " exclude each other: a relay follows carbon's files or carbon-c-relay's"));
  }
  return absl::OkStatus();
}

absl::StatusOr<LoadedRules> LoadCRelay(const RuleSettings& settings, base::FileSystem& file_system,
                                       const CRelayOptions& options) {
  PLUMBAGO_RETURN_IF_ERROR(CheckThatNothingElseIsSet(settings));
  PLUMBAGO_ASSIGN_OR_RETURN(
      CRelayConfig config,
      ReadCarbonCRelayConfig(file_system, settings.carbon_c_relay_config, options));
  LoadedRules rules{.table = std::move(config.table),
                    .aggregator = {.memory_bytes_max = settings.aggregator_bytes_max},
                    .warnings = {}};
  for (const CRelayListener& listener : config.listeners) {
    rules.warnings.push_back(absl::StrCat(listener.source, ": listen ", listener.address,
                                          " is not applied; use --plaintext-tcp and the like"));
  }
  return rules;
}

}  // namespace

absl::StatusOr<LoadedRules> LoadRules(const RuleSettings& settings, base::FileSystem& file_system,
                                      const CRelayOptions& c_relay) {
  if (!settings.carbon_c_relay_config.empty()) return LoadCRelay(settings, file_system, c_relay);
  return Loader(settings, file_system).Load();
}

}  // namespace plumbago::routing
