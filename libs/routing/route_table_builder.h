// Builds a RouteTable step by step: what the readers of configuration files have in common. The
// steps run in the order of the calls.
//
// Not thread-safe; used once. Errors are InvalidArgument without file and line: the caller adds
// these, it knows where it is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "routing/name_template.h"
#include "routing/pattern_set.h"
#include "routing/route_table.h"

namespace plumbago::routing {

// What a pattern is searched in.
enum class NameScope {
  kWholeMetric,  // carbon: with tags
  kWithoutTags,  // carbon-c-relay: up to the first ';', which stays behind whatever is rewritten
};

struct Rule {
  static constexpr uint32_t kEveryMetric = UINT32_MAX;

  enum class Action {
    kDrop,           // with drop_reason; ends the evaluation
    kAllow,          // goes on at rule `jump_to`
    kRewriteAll,     // every match becomes `name`
    kRewriteFirst,   // the first match does
    kAggregate,      // feeds `outputs`
    kHideConsumed,   // stops a metric that was aggregated, see `consumed`
    kSend,           // to `groups`
    kSendByOutputs,  // the same, hashed by the names that `key` rules gave before it
    kKey,            // adds outputs[0].name to these names
    kCheckData,      // all that follows needs `check` passed
  };
  enum class Next { kGoOn, kStop };
  enum class Consumed {
    kSameName,    // where an output has the metric's own name: carbon's FORWARD_ALL
    kEverything,  // only what the aggregator emits goes on
  };
  // What a built name has of the metric around the match: carbon nothing, carbon-c-relay all.
  enum class Around { kReplace, kKeep };
  struct Output {
    uint32_t aggregate = 0;
    NameTemplate name = {};
    Around around = Around::kReplace;
  };

  Action action = Action::kSend;
  std::string source = {};          // file, line and what it says
  uint32_t pattern = kEveryMetric;  // id in the builder's patterns()
  Next next = Next::kGoOn;
  DropReason drop_reason = DropReason::kBlackhole;
  uint32_t jump_to = 0;
  NameTemplate name = {};  // of rewrites; of kSend the text to hash, where has_key
  bool has_key = false;
  std::vector<Output> outputs = {};
  Consumed consumed = Consumed::kSameName;
  std::vector<uint32_t> groups = {};
  int check = -1;  // index into the data checks, also of kSend
};

class RouteTableBuilder {
 public:
  explicit RouteTableBuilder(NameScope scope);
  ~RouteTableBuilder();

  PatternSet& patterns();

  // Equal endpoints get one index.
  uint32_t AddEndpoint(const Endpoint& endpoint);
  const Endpoint& endpoint(uint32_t index) const;
  // `group` refers to endpoints that were added.
  uint32_t AddGroup(HostGroup group);
  // The group of our own shards.
  uint32_t ShardsGroup();
  // Adds to the identity what tells specs of one rule apart, and gives its index.
  uint32_t AddAggregate(AggregateSpec spec);
  // `first_rule` of those that have no groups.
  void SetFirstRuleOfAggregates(uint32_t rule);
  // ResourceExhausted beyond kDataChecksMax.
  absl::StatusOr<int> AddDataCheck(DataCheck check);

  // Returns the rule's index.
  uint32_t AddRule(Rule rule);
  uint32_t rule_count() const;
  Rule& rule(uint32_t index);

  std::shared_ptr<const RouteTable> Build();

 private:
  std::unique_ptr<RouteTable::State> state_;
};

}  // namespace plumbago::routing
