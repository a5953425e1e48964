#include "routing/carbon_conf.h"

#include <functional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/config_file.h"
#include "base/status.h"

namespace plumbago::routing {
namespace {

absl::Status SetNumber(absl::string_view text, uint32_t min, uint32_t* number) {
  if (absl::SimpleAtoi(text, number) && *number >= min) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", base::Excerpt(text), "\" is no whole number from ", min));
}

// One section of one daemon, and that of its first instance.
class Reader {
 public:
  Reader(const std::vector<base::ConfigSection>& sections, absl::string_view file_name)
      : sections_(sections), file_name_(file_name) {}

  bool Has(absl::string_view program) const { return Find(program) != nullptr; }

  using Setter = std::function<absl::Status(const std::string& value)>;
  // Calls `set` where the key is there. `key` in lower case.
  absl::Status Take(absl::string_view program, absl::string_view key, const Setter& set) const {
    for (const std::string& name : {std::string(program), absl::StrCat(program, ":a")}) {
      const base::ConfigSection* const section = Find(name);
      const base::ConfigEntry* const entry = section == nullptr ? nullptr : section->Find(key);
      if (entry == nullptr) continue;
      const absl::Status status = set(entry->value);
      if (!status.ok()) {
        return base::ConfigError(
            absl::StrCat(absl::AsciiStrToUpper(key), ": ", std::string(status.message())),
            file_name_, entry->line);
      }
    }
    return absl::OkStatus();
  }

 private:
  const base::ConfigSection* Find(absl::string_view name) const {
    for (const base::ConfigSection& section : sections_) {
      if (section.name == name) return &section;
    }
    return nullptr;
  }

  const std::vector<base::ConfigSection>& sections_;
  const absl::string_view file_name_;
};

absl::Status TakeSending(const Reader& reader, absl::string_view program, CarbonConf* conf) {
  CarbonFiles& files = conf->files;
  PLUMBAGO_RETURN_IF_ERROR(
      reader.Take(program, "destinations", [&](const std::string& value) -> absl::Status {
        PLUMBAGO_ASSIGN_OR_RETURN(files.destinations, ParseDestinationList(value));
        return absl::OkStatus();
      }));
  PLUMBAGO_RETURN_IF_ERROR(
      reader.Take(program, "destination_protocol", [&](const std::string& value) -> absl::Status {
        PLUMBAGO_ASSIGN_OR_RETURN(files.protocol, ParseProtocol(value));
        return absl::OkStatus();
      }));
  PLUMBAGO_RETURN_IF_ERROR(reader.Take(
      program, "replication_factor",
      [&](const std::string& value) { return SetNumber(value, 1, &files.replication_factor); }));
  PLUMBAGO_RETURN_IF_ERROR(
      reader.Take(program, "diverse_replicas", [&](const std::string& value) -> absl::Status {
        PLUMBAGO_ASSIGN_OR_RETURN(const bool is_diverse, ParseCarbonBool(value));
        files.replicas = is_diverse ? HashRing::Options::Replicas::kDiverseServers
                                    : HashRing::Options::Replicas::kAnyNode;
        return absl::OkStatus();
      }));
  return reader.Take(program, "router_hash_type", [&](const std::string& value) -> absl::Status {
    PLUMBAGO_RETURN_IF_ERROR(ParseRingHash(value).status());
    files.router_hash = value;
    return absl::OkStatus();
  });
}

absl::Status TakeAggregating(const Reader& reader, CarbonConf* conf) {
  PLUMBAGO_RETURN_IF_ERROR(
      reader.Take("aggregator", "forward_all", [&](const std::string& value) -> absl::Status {
        PLUMBAGO_ASSIGN_OR_RETURN(const bool forwards, ParseCarbonBool(value));
        conf->files.forward_all =
            forwards ? CarbonFiles::ForwardAll::kYes : CarbonFiles::ForwardAll::kNo;
        return absl::OkStatus();
      }));
  PLUMBAGO_RETURN_IF_ERROR(
      reader.Take("aggregator", "max_aggregation_intervals", [&](const std::string& value) {
        return SetNumber(value, 1, &conf->max_aggregation_intervals);
      }));
  return reader.Take("aggregator", "write_back_frequency", [&](const std::string& value) {
    return SetNumber(value, 0, &conf->write_back_seconds);
  });
}

}  // namespace

absl::StatusOr<CarbonConf> ParseCarbonConf(absl::string_view text, absl::string_view file_name,
                                           CarbonProgram program) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto sections, base::ParseConfigFile(text, file_name));
  const Reader reader(sections, file_name);
  CarbonConf conf;
  conf.has_relay = program != CarbonProgram::kAggregator && reader.Has("relay");
  conf.has_aggregator = program != CarbonProgram::kRelay && reader.Has("aggregator");
  if (!conf.has_relay && !conf.has_aggregator) {
    return absl::InvalidArgumentError(
        absl::StrCat("no section [", program == CarbonProgram::kAggregator ? "aggregator" : "relay",
                     "] (", file_name, "); a relay reads [relay] and [aggregator]"));
  }
  conf.files.method = conf.has_relay ? RelayMethod::kRules : RelayMethod::kConsistentHashing;
  const absl::string_view sender = conf.has_relay ? "relay" : "aggregator";
  if (conf.has_relay) {
    PLUMBAGO_RETURN_IF_ERROR(
        reader.Take("relay", "relay_method", [&](const std::string& value) -> absl::Status {
          PLUMBAGO_ASSIGN_OR_RETURN(conf.files.method, ParseRelayMethod(value));
          return absl::OkStatus();
        }));
  }
  PLUMBAGO_RETURN_IF_ERROR(TakeSending(reader, sender, &conf));
  if (conf.has_aggregator) PLUMBAGO_RETURN_IF_ERROR(TakeAggregating(reader, &conf));
  for (const absl::string_view name :
       {absl::string_view("relay"), absl::string_view("aggregator")}) {
    if (name == "relay" ? !conf.has_relay : !conf.has_aggregator) continue;
    PLUMBAGO_RETURN_IF_ERROR(
        reader.Take(name, "use_whitelist", [&](const std::string& value) -> absl::Status {
          PLUMBAGO_ASSIGN_OR_RETURN(const bool uses, ParseCarbonBool(value));
          conf.uses_lists = conf.uses_lists || uses;
          return absl::OkStatus();
        }));
  }
  return conf;
}

absl::StatusOr<CarbonProgram> ParseCarbonProgram(absl::string_view name) {
  if (name == "relay") return CarbonProgram::kRelay;
  if (name == "aggregator") return CarbonProgram::kAggregator;
  if (name == "both") return CarbonProgram::kBoth;
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", base::Excerpt(name), "\" is no daemon of carbon.conf; use relay, aggregator or both"));
}

absl::StatusOr<std::vector<std::string>> ParseDestinationList(absl::string_view text) {
  std::vector<std::string> destinations;
  for (const absl::string_view raw : absl::StrSplit(text, ',')) {
    const absl::string_view one = absl::StripAsciiWhitespace(raw);
    if (one.empty()) continue;
    if (one != "shards") {
      PLUMBAGO_RETURN_IF_ERROR(ParseEndpoint(one, Protocol::kPickle).status());
    }
    destinations.emplace_back(one);
  }
  return destinations;
}

absl::StatusOr<bool> ParseCarbonBool(absl::string_view text) {
  const std::string value = absl::AsciiStrToLower(text);
  for (const absl::string_view yes : {"1", "yes", "true", "on"}) {
    if (value == yes) return true;
  }
  for (const absl::string_view no : {"0", "no", "false", "off"}) {
    if (value == no) return false;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", base::Excerpt(text), "\" is neither true nor false"));
}

}  // namespace plumbago::routing
