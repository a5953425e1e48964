// What the query service asks of a shard, without saying how it is asked. rpc-side code implements
// it over gRPC, tests over plain maps.
//
// Calls do not block: `done` is called exactly once, on any thread, perhaps before the call
// returns, and not later than soon after the deadline. Errors are those of the wire contracts plus
// Unavailable and DeadlineExceeded of the connection. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "functions/row_reducer.h"
#include "topology/slot_map.h"

namespace plumbago::query {

struct ShardCall {
  std::string tenant;
  uint64_t epoch = 0;
  absl::Time deadline;
  // Ends the call early. Shared with the request and its other calls; null: never.
  std::shared_ptr<base::Cancellation> cancellation = nullptr;
  // Told about every message of an answer, from any thread: the shard is alive.
  std::function<void()> on_progress = nullptr;
};

struct FoundNode {
  std::string path;
  bool is_leaf = false;  // a path that is both is found twice
};

// Names of one fetch; shared between the calls that it makes.
using Metrics = std::shared_ptr<const std::vector<std::string>>;

struct FetchRange {
  int64_t from = 0;   // seconds, exclusive
  int64_t until = 0;  // inclusive
  int64_t now = 0;
  // Each series from as many points before `from`, of the step that it has in the range.
  int64_t lookback_points = 0;
};

struct StoredSeries {
  size_t metric_index = 0;  // into Metrics
  int64_t start = 0;
  int64_t step = 1;
  std::vector<double> values;  // NaN: no point
  std::string aggregation_method;
  int64_t finest_step = 0;    // of the series' first archive; 0: not told
  int64_t lookback_step = 0;  // that lookback_points were counted in; 0: they were not
  std::string error;          // not empty: the series cannot be read
};

struct HotSeries {
  size_t metric_index = 0;
  std::vector<uint32_t> times;  // in order of arrival: the later one wins
  std::vector<double> values;
};

// Groups of series that a store is to aggregate, each series up to the step that holds `tail_from`.
struct ReduceQuestion {
  struct Group {
    functions::Aggregation aggregation = functions::Aggregation::kSum;  // a mergeable one
    std::vector<std::string> metrics;
    std::vector<uint32_t> places;  // of each in the whole group, whose others are elsewhere
    std::vector<uint32_t> late;    // indices of those that are answered whole, ascending
  };
  int64_t tail_from = 0;
  std::vector<Group> groups;
};

struct ReducedGroup {
  enum class Refusal { kNone, kMixedGrids, kUnreadable, kUnknownSeries };
  size_t group_index = 0;  // into ReduceQuestion::groups
  Refusal refusal = Refusal::kNone;
  // What all series have in common.
  int64_t start = 0;
  int64_t step = 1;
  size_t row_count = 0;  // of head and tail
  std::string aggregation_method;
  int64_t finest_step = 0;
  functions::RowReducer::Rows head;
  // NaN: no point. The tails of the series that are not late, and all values of those that are.
  std::vector<double> tail;
  std::vector<double> late;
};

// What the file of a series is like.
struct SeriesLayout {
  struct Archive {
    uint32_t seconds_per_point = 0;
    uint32_t point_count = 0;
  };
  size_t metric_index = 0;        // into Metrics
  std::vector<Archive> archives;  // the finest first
  std::string aggregation_method;
  double x_files_factor = 0;
};

// What completes the name of a tag, or a value of one.
struct TagQuestion {
  std::string tag = {};  // empty: names of tags
  std::string prefix = {};
  std::vector<std::string> expressions = {};  // none: among all tagged series
  size_t count_max = 0;
};

struct TagEntry {
  std::string text;
  uint64_t series_count = 0;
};

class ShardClient {
 public:
  template <typename T>
  using Done = std::function<void(absl::StatusOr<std::vector<T>>)>;
  enum class CallKind { kFind, kFetch, kReduce };
  enum class Service { kStore, kCache };

  virtual ~ShardClient() = default;

  // Whether calls have a chance: no breaker is open.
  virtual bool IsUsable() { return true; }
  // What most calls of a kind have taken lately, the p95; infinite where it is not known.
  virtual absl::Duration UsualTime(CallKind) { return absl::InfiniteDuration(); }

  // Whether a service of the shard is there and able to do its job: OK, or why not.
  virtual void Probe(Service service, absl::Time deadline,
                     std::function<void(absl::Status)> done) = 0;

  // Nodes that match a glob pattern. ResourceExhausted above `matches_max`.
  virtual void Find(const ShardCall& call, const std::string& pattern, size_t matches_max,
                    Done<FoundNode> done) = 0;
  // Tagged series that match all expressions. ResourceExhausted above `matches_max`.
  virtual void FindTagged(const ShardCall& call, const std::vector<std::string>& expressions,
                          size_t matches_max, Done<std::string> done) = 0;
  // The first names or values, in byte order.
  virtual void CompleteTags(const ShardCall& call, const TagQuestion& question,
                            Done<TagEntry> done) = 0;
  // Makes series without points, and moves series into the trash; what there is to do is done, and
  // the answer says what could not be: a message each.
  virtual void CreateSeries(const ShardCall& call, Metrics metrics, Done<std::string> done) = 0;
  virtual void DeleteSeries(const ShardCall& call, Metrics metrics, Done<std::string> done) = 0;
  // Names of all series.
  virtual void List(const ShardCall& call, size_t matches_max, Done<std::string> done) = 0;
  // Stored points; unknown series are left out. ResourceExhausted above `points_max`.
  virtual void Fetch(const ShardCall& call, Metrics metrics, const FetchRange& range,
                     int64_t points_max, Done<StoredSeries> done) = 0;
  // Stored points of groups, aggregated; one answer a group. ResourceExhausted above `points_max`
  // points read.
  virtual void Reduce(const ShardCall& call, std::shared_ptr<const ReduceQuestion> question,
                      const FetchRange& range, int64_t points_max, Done<ReducedGroup> done) = 0;
  // Layouts of stored series; unknown ones are left out.
  virtual void Describe(const ShardCall& call, Metrics metrics, Done<SeriesLayout> done) = 0;
  // Points not stored yet, or only just.
  virtual void ReadHot(const ShardCall& call, Metrics metrics, const FetchRange& range,
                       Done<HotSeries> done) = 0;
};

// Clients by shard; connections are kept and reused. Thread-safe.
class ShardClients {
 public:
  virtual ~ShardClients() = default;
  // Shared: the client lives as long as a request needs it, even if the shard is gone.
  virtual std::shared_ptr<ShardClient> Of(const topology::ShardInfo& shard) = 0;
  // Whether one more call may be made twice; takes it from the budget.
  virtual bool TakeHedge() { return false; }
};

}  // namespace plumbago::query
