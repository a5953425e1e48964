// CPU of the decision for one new name, by the number of rules. The rules are regular expressions
// of carbon's relay-rules.conf; nearly none matches a given name, as in a relay with a rule per
// team or per host. The base line is one rule.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "routing/carbon_files.h"
#include "routing/pattern_set.h"

namespace plumbago::routing {
namespace {

constexpr size_t kNames = 4096;

enum Shape : int64_t {
  kPrefixes,  // ^servers\.team17\.[^.]+\.cpu : each with a prefix of its own
  kMiddles,   // ^[^.]+\.[^.]+\.app17\.(cpu|disk)\. : a literal somewhere
  kShared,  // ^servers\.web-\d+\.team17\..*\.count$ : a literal that many names have, and one more
};

std::string Pattern(int64_t shape, int64_t i) {
  switch (shape) {
    case kPrefixes:
      return absl::StrCat(R"(^servers\.team)", i, R"(\.[^.]+\.cpu)");
    case kMiddles:
      return absl::StrCat(R"(^[^.]+\.[^.]+\.app)", i, R"(\.(cpu|disk)\.)");
    default:
      return absl::StrCat(R"(^servers\.web-\d+\.team)", i, R"(\..*\.count$)");
  }
}

// Of the same form as the rules want; one in a hundred names has a team or application with a rule.
std::string Name(size_t i) {
  const size_t team = i % 100 == 0 ? i % 1000 : 100'000 + i;
  switch (i % 3) {
    case 0:
      return absl::StrCat("servers.team", team, ".web-", i % 97, ".cpu.total.idle");
    case 1:
      return absl::StrCat("stats.host", i % 97, ".app", team, ".disk.sda.read_bytes");
    default:
      return absl::StrCat("servers.web-", i % 97, ".team", team, ".requests.http.count");
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (size_t i = 0; i < kNames; ++i) names.push_back(Name(i));
  return names;
}

void Decide(benchmark::State& state) {
  CarbonFiles files;
  files.method = RelayMethod::kRules;
  for (int64_t i = 0; i < state.range(0); ++i) {
    absl::StrAppend(&files.relay_rules.text, "[r", i, "]\npattern = ", Pattern(state.range(1), i),
                    "\ndestinations = 10.0.0.1:2004, shards\n");
  }
  absl::StrAppend(&files.relay_rules.text, "[d]\ndefault = true\ndestinations = shards\n");
  const auto table = ParseCarbonFiles(files);
  PLUMBAGO_CHECK(table.ok());
  const std::vector<std::string> names = Names();
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize((*table)->Decide(names[i++ % kNames]));
}
BENCHMARK(Decide)->ArgNames({"rules", "shape"})->ArgsProduct({{0, 1, 10, 100, 1000}, {0, 1, 2}});

// For comparison: every pattern tried, without the prefilter.
void TryEveryPattern(benchmark::State& state) {
  PatternSet patterns;
  for (int64_t i = 0; i < state.range(0); ++i) {
    PLUMBAGO_CHECK(patterns.Add(Pattern(state.range(1), i), Dialect::kPythonIgnoreCase).ok());
  }
  const std::vector<std::string> names = Names();
  size_t i = 0;
  for (auto _ : state) {
    const std::string& name = names[i++ % kNames];
    for (uint32_t id = 0; id < patterns.size(); ++id) {
      benchmark::DoNotOptimize(patterns.Matches(id, name));
    }
  }
}
BENCHMARK(TryEveryPattern)->ArgNames({"rules", "shape"})->ArgsProduct({{1, 1000}, {0, 1, 2}});

void ChooseOnRing(benchmark::State& state) {
  std::vector<RingNode> nodes;
  for (int i = 0; i < 8; ++i) nodes.push_back({.server = absl::StrCat("10.0.0.", i)});
  HashRing::Options options{.replication_factor = 2};
  options.hash = static_cast<RingHash>(state.range(0));
  if (options.hash == RingHash::kJumpFnv1a) options.flavour = RingFlavour::kCarbonCRelay;
  const HashRing ring = HashRing::Make(options, nodes).value();
  const std::vector<std::string> names = Names();
  std::vector<uint32_t> chosen;
  size_t i = 0;
  for (auto _ : state) {
    chosen.clear();
    ring.Choose(names[i++ % kNames], &chosen);
    benchmark::DoNotOptimize(chosen.data());
  }
}
BENCHMARK(ChooseOnRing)->ArgName("hash")->DenseRange(0, 3);

}  // namespace
}  // namespace plumbago::routing

BENCHMARK_MAIN();
