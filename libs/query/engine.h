// The queries themselves: render, find, expand, index, from checked parameters to series and names.
//
// Thread-safe; a call blocks its thread until it has its answer, at the latest shortly after the
// request's deadline. Errors: InvalidArgument (target, pattern or argument; the message names the
// place), ResourceExhausted (a limit, with its flag), Unavailable (no shard could answer, or there
// is no topology yet), DeadlineExceeded.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "functions/function_table.h"
#include "functions/parser.h"
#include "functions/series.h"
#include "query/event_source.h"
#include "query/group_reader.h"
#include "query/limits.h"
#include "query/request.h"
#include "query/shard_client.h"

namespace plumbago::query {

struct RenderRequest {
  std::vector<std::string> targets;  // blank ones are skipped
  functions::TemplateValues template_values = {};
  functions::TimeRange range;
  absl::TimeZone zone = absl::UTCTimeZone();
  std::optional<double> x_files_factor = {};
};

// Where the time of a request went, added up over its rounds.
struct PhaseTimes {
  absl::Duration expand;    // patterns to names
  absl::Duration fetch;     // points from shards, and putting copies together
  absl::Duration evaluate;  // functions
};

// What goes with every answer.
struct AnswerNotes {
  std::vector<MissingShard> missing_shards;  // not empty: the answer is partial
  std::vector<std::string> warnings;         // series that could not be read
  size_t series_count = 0;                   // read from shards
  int64_t point_count = 0;
  ReductionCounts reductions = {};  // groups that shards have reduced, and others
  PhaseTimes times = {};

  bool IsComplete() const { return missing_shards.empty() && warnings.empty(); }
};

struct RenderAnswer {
  functions::SeriesList series;  // of all targets, in their order
  AnswerNotes notes;
};

struct FindAnswer {
  std::vector<FoundNode> nodes;  // by path, branches before leaves
  AnswerNotes notes;
};

struct ListAnswer {
  std::vector<std::string> names;
  AnswerNotes notes;
};

// The layouts of series on one shard.
struct ShardLayouts {
  std::string shard;
  std::vector<std::pair<std::string, SeriesLayout>> series;  // by name
};

struct DescribeAnswer {
  std::vector<ShardLayouts> shards;  // those that have any of the series
  AnswerNotes notes;
};

struct TagAnswer {
  std::vector<TagEntry> entries;  // in byte order
  AnswerNotes notes;
};

class Engine {
 public:
  struct Target {
    std::string text;  // for messages
    functions::Expression expression;
  };

  // All references must outlive the engine. Without `events`, events() is an error.
  Engine(const Limits& limits, const functions::FunctionTable& functions, ShardClients& clients,
         base::Clock& clock, EventSource* events = nullptr)
      : limits_(limits), functions_(functions), clients_(clients), clock_(clock), events_(events) {}

  absl::StatusOr<RenderAnswer> Render(const RequestContext& context,
                                      const RenderRequest& request) const;
  absl::StatusOr<FindAnswer> Find(const RequestContext& context, const std::string& pattern) const;
  absl::StatusOr<ListAnswer> List(const RequestContext& context) const;

  // What the files of the series are like that match the patterns, on every shard that has them.
  absl::StatusOr<DescribeAnswer> Describe(const RequestContext& context,
                                          const std::vector<std::string>& patterns) const;

  // Tagged series that match all expressions, in byte order.
  absl::StatusOr<ListAnswer> FindTagged(const RequestContext& context,
                                        const std::vector<std::string>& expressions) const;
  // The first question.count_max of all shards. Counts are exact: where slots have replicas they
  // are found by the names of the series.
  enum class Counts { kNone, kExact };
  absl::StatusOr<TagAnswer> CompleteTags(const RequestContext& context, const TagQuestion& question,
                                         Counts counts) const;
  // On every owner of each series. Unavailable: an owner did not answer; InvalidArgument: what a
  // store refused. Some may have been made; to repeat it does no harm.
  absl::Status CreateSeries(const RequestContext& context,
                            const std::vector<std::string>& metrics) const;
  // On every shard, owner or not. Errors alike.
  absl::Status DeleteSeries(const RequestContext& context,
                            const std::vector<std::string>& metrics) const;

 private:
  const Limits& LimitsFor(const RequestContext& context) const {
    return context.limits == nullptr ? limits_ : *context.limits;
  }
  absl::StatusOr<std::vector<Target>> Parse(const Limits& limits,
                                            const RenderRequest& request) const;
  absl::StatusOr<TagAnswer> CountByNames(const RequestContext& context,
                                         const TagQuestion& question) const;

  const Limits limits_;
  const functions::FunctionTable& functions_;
  ShardClients& clients_;
  base::Clock& clock_;
  EventSource* const events_;
};

}  // namespace plumbago::query
