// Runs libs/routing on metrics from standard input, one answer line each, for the tests in Python
// that compare it with carbon and carbon-c-relay.
//
//   ring HASH carbon|fast|c-relay REPLICATION any|diverse HOST:PORT[:INSTANCE]...
//       metric -> the chosen destinations, the preferred one first
//   c-relay FILE
//       metric -> NAME=DESTINATION of every destination, and AGGREGATE of every aggregate, sorted
//   carbon DIRECTORY METHOD [DESTINATION...]
//       the same for carbon's rule files in DIRECTORY; a file that is missing is empty
//   aggregate DIRECTORY MAX_INTERVALS WRITE_BACK_SECONDS
//       "add NOW METRIC TIME VALUE" -> ok | refused; "take NOW" -> "NAME TIME VALUE;..."
#include <cstdio>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "routing/aggregator.h"
#include "routing/carbon_c_relay.h"
#include "routing/carbon_files.h"

namespace plumbago::routing {
namespace {

using Words = std::vector<std::string>;

constexpr uint64_t kFileBytesMax = 64 << 20;

absl::Status RunRing(const Words& words) {
  HashRing::Options options;
  PLUMBAGO_ASSIGN_OR_RETURN(options.hash, ParseRingHash(words[1]));
  options.flavour = words[2] == "carbon" ? RingFlavour::kCarbon
                    : words[2] == "fast" ? RingFlavour::kCarbonFast
                                         : RingFlavour::kCarbonCRelay;
  options.replication_factor = static_cast<uint32_t>(std::stoul(words[3]));
  if (words[4] == "diverse") options.replicas = HashRing::Options::Replicas::kDiverseServers;
  std::vector<RingNode> nodes;
  for (size_t i = 5; i < words.size(); ++i) {
    PLUMBAGO_ASSIGN_OR_RETURN(const Endpoint node, ParseEndpoint(words[i], Protocol::kPlaintext));
    nodes.push_back({.server = node.host, .port = node.port, .instance = node.instance});
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const HashRing ring, HashRing::Make(options, nodes));
  std::string metric;
  while (std::getline(std::cin, metric)) {
    std::vector<uint32_t> chosen;
    ring.Choose(metric, &chosen);
    std::cout << absl::StrJoin(chosen, " ", [&](std::string* out, uint32_t node) {
      out->append(words[5 + node]);
    }) << "\n";
  }
  return absl::OkStatus();
}

void Print(const RouteTable& table, const Decision& decision) {
  std::set<std::string> answers;
  for (const Decision::Send& send : decision.sends) {
    const std::string& name = decision.names[send.name];
    if (send.endpoints.empty()) answers.insert(absl::StrCat(name, "=shards"));
    for (const uint32_t index : send.endpoints) {
      const Endpoint& endpoint = table.endpoints()[index];
      answers.insert(endpoint.port == 0
                         ? absl::StrCat(name, "=", endpoint.host)
                         : absl::StrCat(name, "=", endpoint.host, ":", endpoint.port));
    }
  }
  for (const Decision::Feed& feed : decision.feeds) answers.insert(feed.name);
  std::cout << absl::StrJoin(answers, " ") << "\n";
}

void RunTable(const RouteTable& table) {
  std::string metric;
  while (std::getline(std::cin, metric)) Print(table, table.Decide(metric));
}

absl::Status RunCarbonCRelay(base::FileSystem& file_system, const Words& words) {
  PLUMBAGO_ASSIGN_OR_RETURN(const CRelayConfig config,
                            ReadCarbonCRelayConfig(file_system, words[1], {}));
  RunTable(*config.table);
  return absl::OkStatus();
}

absl::StatusOr<CarbonFiles> ReadFiles(base::FileSystem& file_system, const std::string& directory) {
  CarbonFiles files;
  for (CarbonFiles::File* file : {&files.blacklist, &files.whitelist, &files.rewrite_rules,
                                  &files.aggregation_rules, &files.relay_rules}) {
    auto text =
        base::ReadWholeFile(file_system, absl::StrCat(directory, "/", file->name), kFileBytesMax);
    if (text.ok()) file->text = *std::move(text);
  }
  return files;
}

absl::Status RunCarbon(base::FileSystem& file_system, const Words& words) {
  PLUMBAGO_ASSIGN_OR_RETURN(CarbonFiles files, ReadFiles(file_system, words[1]));
  PLUMBAGO_ASSIGN_OR_RETURN(files.method, ParseRelayMethod(words[2]));
  files.destinations.assign(words.begin() + 3, words.end());
  PLUMBAGO_ASSIGN_OR_RETURN(const auto table, ParseCarbonFiles(files));
  RunTable(*table);
  return absl::OkStatus();
}

// Time is that of the last line.
absl::Status RunAggregator(base::FileSystem& file_system, const Words& words) {
  PLUMBAGO_ASSIGN_OR_RETURN(const CarbonFiles files, ReadFiles(file_system, words[1]));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto table, ParseCarbonFiles(files));
  base::SimulatedClock clock(absl::UnixEpoch());
  AggregatorOptions options;
  options.max_aggregation_intervals = static_cast<uint32_t>(std::stoul(words[2]));
  options.write_back_seconds = static_cast<uint32_t>(std::stoul(words[3]));
  Aggregator aggregator(options, clock);
  std::string line;
  while (std::getline(std::cin, line)) {
    const Words input = absl::StrSplit(line, ' ');
    clock.Advance(absl::Seconds(std::stoll(input[1]) - clock.UnixSeconds()));
    if (input[0] == "take") {
      for (const Aggregator::Emission& emission : aggregator.TakeDue()) {
        std::cout << absl::StreamFormat("%s %d %a;", emission.name, emission.timestamp,
                                        emission.value);
      }
      std::cout << std::endl;
      continue;
    }
    bool is_added = true;
    for (const Decision::Feed& feed : table->Decide(input[2]).feeds) {
      const auto result =
          aggregator.Add(table->aggregates()[feed.aggregate], feed.name, std::stoll(input[3]),
                         std::strtod(input[4].c_str(), nullptr));
      is_added = is_added && result == Aggregator::AddResult::kAdded;
    }
    std::cout << (is_added ? "ok" : "refused") << std::endl;
  }
  return absl::OkStatus();
}

absl::Status Run(const Words& words) {
  const auto file_system = base::MakePosixFileSystem();
  if (words.size() > 5 && words[0] == "ring") return RunRing(words);
  if (words.size() == 2 && words[0] == "c-relay") return RunCarbonCRelay(*file_system, words);
  if (words.size() >= 3 && words[0] == "carbon") return RunCarbon(*file_system, words);
  if (words.size() == 4 && words[0] == "aggregate") return RunAggregator(*file_system, words);
  return absl::InvalidArgumentError("see the head of routing_driver.cc");
}

}  // namespace
}  // namespace plumbago::routing

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const absl::Status status = plumbago::routing::Run({argv + 1, argv + argc});
  if (status.ok()) return 0;
  std::cerr << status.message() << "\n";
  return 1;
}
