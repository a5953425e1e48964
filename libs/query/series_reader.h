// Patterns to series with their points: which shards are asked for what, and how their answers
// become one.
//
// A reader serves one request on one thread and blocks, each round of calls for at most the shard
// timeout. It remembers what patterns expand to, so that a pattern in several ranges is expanded
// once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "functions/evaluator.h"
#include "query/limits.h"
#include "query/request.h"
#include "query/shard_client.h"

namespace plumbago::query {

// Whether a pattern is the name of one series: nothing in it can match anything else.
bool IsExactName(absl::string_view pattern);

class SeriesReader {
 public:
  // All references must outlive the reader.
  SeriesReader(const RequestContext& request, const Limits& limits, ShardClients& clients,
               base::Clock& clock, ShardReport& report);

  // Answers all fetches and adds the series to `data`, ordered by name. ResourceExhausted (a limit,
  // with its flag), InvalidArgument (a pattern), DeadlineExceeded (of the request), Unavailable (no
  // topology yet). A shard that fails is noted in the report and is no error.
  absl::Status Read(const std::vector<functions::Fetch>& fetches, double x_files_factor,
                    functions::FetchedData& data);

  // Nodes that match, of all shards: sorted by path, branches before leaves, each once.
  absl::StatusOr<std::vector<FoundNode>> Find(const std::string& pattern);

  // All series of the tenant, sorted.
  absl::StatusOr<std::vector<std::string>> List();

  size_t series_count() const { return series_count_; }
  int64_t point_count() const { return point_count_; }
  // Series that could not be read, with the reason.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Name {
    std::string metric;
    std::vector<uint16_t> shards;  // sorted, active ones
  };
  using Names = std::vector<Name>;  // sorted by metric
  struct Part;                      // what one shard is asked for one fetch

  absl::Status CheckTopology() const;
  absl::Status Expand(const std::vector<functions::Fetch>& fetches);
  absl::Status ExpandPatterns(const std::vector<std::string>& patterns);
  std::vector<uint16_t> ActiveShards() const;
  void AddReplicas(const std::string& metric, Name& name) const;
  absl::Status CountSeries(const std::vector<functions::Fetch>& fetches);

  std::vector<Part> Split(const std::vector<functions::Fetch>& fetches) const;
  absl::Status ReadParts(const std::vector<functions::Fetch>& fetches, std::vector<Part>& parts);
  absl::Status CountPoints(const Part& part);
  functions::SeriesList Assemble(const functions::Fetch& fetch, size_t fetch_index,
                                 double x_files_factor, std::vector<Part>& parts);
  void Warn(absl::string_view metric, absl::string_view error);

  ShardCall MakeCall() const;
  std::shared_ptr<ShardClient> ClientOf(uint16_t shard) const;
  // Errors that are the request's own fault rather than the shard's.
  static bool IsOfRequest(const absl::Status& status);

  const RequestContext& request_;
  const Limits& limits_;
  ShardClients& clients_;
  base::Clock& clock_;
  ShardReport& report_;

  absl::flat_hash_map<std::string, Names> names_;  // by pattern
  size_t fetch_count_ = 0;
  size_t series_count_ = 0;
  int64_t point_count_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace plumbago::query
