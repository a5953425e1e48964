// Patterns to names, and the nodes and names that there are: what one request asks of the indices
// of shards.
//
// Serves one request on one thread and blocks, each round of calls for at most the shard timeout.
// It remembers what patterns expand to, so that a pattern in several ranges is expanded once. A
// shard that fails is noted in the report and is no error.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "query/fanout.h"
#include "query/pattern.h"

namespace plumbago::query {

// One series, and who may have it.
struct FoundName {
  std::string metric;
  std::vector<uint16_t>
      owners;  // active shards of its slot: those that found it, then by preference
  // Other shards that found it: files of another tool, or of a slot that moved.
  std::vector<uint16_t> others;
};
using FoundNames = std::vector<FoundName>;  // sorted by metric

class NameFinder {
 public:
  explicit NameFinder(const Fanout& fanout) : fanout_(fanout) {}

  // After this NamesOf() knows all patterns. InvalidArgument (a pattern), ResourceExhausted.
  absl::Status Expand(const std::vector<std::string>& patterns);
  const FoundNames& NamesOf(const std::string& pattern) const { return names_.at(pattern); }

  // Nodes that match, of all shards: sorted by path, branches before leaves, each once.
  absl::StatusOr<std::vector<FoundNode>> Find(const std::string& pattern);

  // All series of the tenant, sorted.
  absl::StatusOr<std::vector<std::string>> List();

 private:
  struct Search {
    std::string text;  // as it was asked for
    Pattern pattern;
  };
  absl::Status ExpandBySearch(const std::vector<Search>& searches);
  // Of names with a shard that found them; a name comes once for each of its shards.
  FoundNames MakeNames(std::vector<std::pair<std::string, uint16_t>> found) const;
  FoundName MakeName(std::string metric, const std::vector<uint16_t>& holders) const;

  const Fanout& fanout_;
  absl::flat_hash_map<std::string, FoundNames> names_;  // by pattern
};

}  // namespace plumbago::query
