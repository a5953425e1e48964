// What happens to a metric: the rules of carbon's files or of a carbon-c-relay configuration as one
// list of steps, run from the first to the last.
//
//   drop | allow | rewrite | aggregate | send to groups | check the data; then go on or stop
//
// Immutable and thread-safe once built (route_table_builder.h; carbon_files.h and
// carbon_c_relay.h read the files). A decision depends on the name only and is meant to be kept per
// series: it costs one pass over the name plus the rules that can match it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "routing/aggregate_spec.h"
#include "routing/destination.h"

namespace plumbago::routing {

enum class DropReason {
  kNone,
  kBlacklist,
  kNotInWhitelist,
  kBlackhole,    // sent to blackhole
  kNoRoute,      // no rule sends or aggregates it
  kNameTooLong,  // a rewrite made it longer than kBuiltNameBytesMax
};

// A stable word for metrics and logs, such as "not_in_whitelist".
const char* DropReasonWord(DropReason reason);

// A set of RouteTable::data_checks(), by index.
using DataChecks = uint64_t;
inline constexpr size_t kDataChecksMax = 64;

struct Decision {
  struct Send {
    uint32_t group = 0;
    uint32_t name = 0;  // index into names
    // Those of the group that take the points, distinct; empty for kShards. An endpoint that an
    // earlier Send of the same name reaches under no further condition is left out.
    std::vector<uint32_t> endpoints = {};
    DataChecks required = 0;  // only points that pass all of these
  };
  struct Feed {
    uint32_t aggregate = 0;  // index into aggregates()
    std::string name = {};   // of the output; to be checked like names
    DataChecks required = 0;
  };

  // What it is sent as, tags included; the last is what the rules end with. Rewrites can make what
  // is no valid name: check one that differs from the metric (metric::Canonicalise).
  std::vector<std::string> names;
  std::vector<Send> sends;
  std::vector<Feed> feeds;
  DataChecks checks = 0;  // to be tried on each point: the union of all `required`, and more
  DropReason drop_reason = DropReason::kNone;  // of points that are neither sent nor fed
};

// `validate REGEX else log|drop` of carbon-c-relay: searched in "value timestamp" of a line.
struct DataCheck {
  std::string source = {};  // file and line
  std::string regex = {};
  uint32_t pattern = 0;  // of the table
  enum class OnFault { kLog, kDrop };
  OnFault on_fault = OnFault::kDrop;
};

// One rule that a metric met, for people.
struct TraceStep {
  std::string source = {};  // "relay-rules.conf line 3 [web]"
  std::string text = {};    // "sends a.b to 10.0.0.1:2003; stops"
};

class RouteTable {
 public:
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // Everything goes to our own shards, by its own name.
  static std::shared_ptr<const RouteTable> ShardsOnly();

  // `metric` as received (a valid name), tags included.
  Decision Decide(absl::string_view metric) const;

  // For a point that the aggregator emits: `spec` is one of aggregates().
  Decision DecideAggregate(const AggregateSpec& spec, absl::string_view name) const;

  // The same as Decide, with every rule that had a part in it, in order.
  std::vector<TraceStep> Explain(absl::string_view metric) const;

  // Of `checks` those that `data` ("value timestamp", as in the line) passes.
  DataChecks PassedChecks(DataChecks checks, absl::string_view data) const;

  const std::vector<Endpoint>& endpoints() const;
  const std::vector<HostGroup>& groups() const;
  const std::vector<std::shared_ptr<const AggregateSpec>>& aggregates() const;
  const std::vector<DataCheck>& data_checks() const;
  size_t rule_count() const;

  // "shards", or the endpoints: what a Send reaches, the same text in every table.
  std::string DescribeSend(const Decision::Send& send) const;

 private:
  friend class RouteTableBuilder;
  struct State;
  class Evaluation;

  explicit RouteTable(std::unique_ptr<const State> state);

  std::unique_ptr<const State> state_;
};

// A metric that a new table treats otherwise.
struct RouteChange {
  std::string metric = {};
  std::string before = {};  // "a.b to 10.0.0.1:2003" or "dropped: blacklist"
  std::string after = {};
};

struct RouteDiff {
  uint64_t metric_count = 0;              // that were compared
  uint64_t changed_count = 0;             // of them
  std::vector<RouteChange> changes = {};  // the first ones
};

// Which of `metrics` would go elsewhere, or under another name, with `after`: the dry run of a
// reload. At most `changes_max` are listed, all are counted.
RouteDiff Diff(const RouteTable& before, const RouteTable& after,
               absl::Span<const absl::string_view> metrics, size_t changes_max);

// What a decision amounts to, for people; equal texts for equal treatment.
std::string Describe(const RouteTable& table, const Decision& decision);

}  // namespace plumbago::routing
