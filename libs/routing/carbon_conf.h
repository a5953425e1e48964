// carbon.conf: what of its sections [relay] and [aggregator] says where metrics go.
//
// Other keys are carbon's listeners, limits and logs and are not looked at; flags of the relay
// stand for them. Pure. Errors are InvalidArgument with file, line, value and how to mend it.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "routing/carbon_files.h"

namespace plumbago::routing {

// Which of carbon's daemons the configuration was written for.
enum class CarbonProgram {
  kRelay,
  kAggregator,  // sends by consistent hashing, as there
  kBoth,        // what of them there is: [aggregator] aggregates, [relay] sends
};

struct CarbonConf {
  // The settings; the texts are empty. The method is `rules` where [relay] does not say.
  CarbonFiles files;
  bool has_relay = false;
  bool has_aggregator = false;
  bool uses_lists = false;                 // USE_WHITELIST: blacklist.conf and whitelist.conf
  uint32_t max_aggregation_intervals = 5;  // MAX_AGGREGATION_INTERVALS
  uint32_t write_back_seconds = 0;         // WRITE_BACK_FREQUENCY; 0: none
};

absl::StatusOr<CarbonConf> ParseCarbonConf(absl::string_view text, absl::string_view file_name,
                                           CarbonProgram program);

// "relay", "aggregator" or "both".
absl::StatusOr<CarbonProgram> ParseCarbonProgram(absl::string_view name);

// DESTINATIONS: apart by commas, each as ParseEndpoint takes it, or "shards".
absl::StatusOr<std::vector<std::string>> ParseDestinationList(absl::string_view text);

// As ConfigParser.getboolean: yes, no, true, false, on, off, 1, 0.
absl::StatusOr<bool> ParseCarbonBool(absl::string_view text);

}  // namespace plumbago::routing
