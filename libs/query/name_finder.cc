#include "query/name_finder.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "base/status.h"
#include "query/gather.h"
#include "query/internal/ask_shards.h"

namespace plumbago::query {
namespace {

using internal::StateOf;

bool IsBefore(const FoundNode& a, const FoundNode& b) {
  const int order = a.path.compare(b.path);
  return order != 0 ? order < 0 : a.is_leaf < b.is_leaf;
}

bool IsSame(const FoundNode& a, const FoundNode& b) {
  return a.path == b.path && a.is_leaf == b.is_leaf;
}

bool Contains(const std::vector<uint16_t>& shards, uint16_t shard) {
  return std::find(shards.begin(), shards.end(), shard) != shards.end();
}

// What each shard finds comes in order: a few runs, which are merged.
template <typename T, typename Before = std::less<>>
void SortRuns(std::vector<T>& found, Before is_before = {}) {
  auto sorted = std::is_sorted_until(found.begin(), found.end(), is_before);
  while (sorted != found.end()) {
    const auto next = std::is_sorted_until(sorted, found.end(), is_before);
    if (next - sorted < 16 && next != found.end()) {
      return std::sort(found.begin(), found.end(), is_before);
    }
    std::inplace_merge(found.begin(), sorted, next, is_before);
    sorted = next;
  }
}

void AddLeaves(std::vector<FoundNode> nodes, std::vector<std::string>& names) {
  for (FoundNode& node : nodes) {
    if (node.is_leaf) names.push_back(std::move(node.path));
  }
}

}  // namespace

absl::Status NameFinder::Expand(const std::vector<std::string>& patterns) {
  PLUMBAGO_RETURN_IF_ERROR(fanout_.CheckTopology());
  std::vector<Search> searches;
  for (const std::string& text : patterns) {
    if (names_.contains(text)) continue;
    PLUMBAGO_ASSIGN_OR_RETURN(Pattern pattern, ReadPattern(text));
    FoundNames& names = names_[text];
    if (pattern.kind != Pattern::Kind::kName) {
      searches.push_back({text, std::move(pattern)});
      continue;
    }
    names.push_back(MakeName(text, {}));
    fanout_.report.NeedSlot(topology::SlotOf(fanout_.request.tenant, text));
  }
  return searches.empty() ? absl::OkStatus() : ExpandBySearch(searches);
}

absl::Status NameFinder::ExpandBySearch(const std::vector<Search>& searches) {
  fanout_.report.NeedAllSlots();
  const std::vector<uint16_t> shards = fanout_.ActiveShards();
  const ShardCall call = fanout_.MakeCall();
  const size_t matches_max = fanout_.limits.find_matches_max;
  CallGroup calls;
  struct Asked {
    AnswerOf<FoundNode> nodes;
    AnswerOf<std::string> tagged;
  };
  std::vector<Asked> asked;
  for (const Search& search : searches) {
    for (const uint16_t shard : shards) {
      Asked& one = asked.emplace_back();
      const std::shared_ptr<ShardClient> client = fanout_.ClientOf(shard);
      if (search.pattern.kind == Pattern::Kind::kTagged) {
        client->FindTagged(call, search.pattern.expressions, matches_max, calls.Expect(one.tagged));
      } else {
        client->Find(call, search.pattern.text, matches_max, calls.Expect(one.nodes));
      }
    }
  }
  const auto state = [&](size_t i) {
    const bool is_tagged = searches[i / shards.size()].pattern.kind == Pattern::Kind::kTagged;
    return is_tagged ? StateOf(asked[i].tagged) : StateOf(asked[i].nodes);
  };
  internal::AwaitCoverage(fanout_, call, shards, asked.size(), state, calls);
  auto next = asked.begin();
  for (const Search& search : searches) {
    std::vector<std::pair<std::string, uint16_t>> found;
    for (const uint16_t shard : shards) {
      Asked& one = *next++;
      const bool is_tagged = search.pattern.kind == Pattern::Kind::kTagged;
      const absl::Status status = is_tagged ? one.tagged.status() : one.nodes.status();
      fanout_.report.Add(shard, "find", status);
      if (IsOfRequest(status)) return status;
      if (!status.ok()) continue;
      std::vector<std::string> names;
      if (is_tagged) {
        names = std::move(one.tagged.items());
      } else {
        AddLeaves(std::move(one.nodes.items()), names);
      }
      for (std::string& name : names) found.emplace_back(std::move(name), shard);
    }
    names_[search.text] = MakeNames(std::move(found));
  }
  return absl::OkStatus();
}

FoundNames NameFinder::MakeNames(std::vector<std::pair<std::string, uint16_t>> found) const {
  SortRuns(found);
  FoundNames names;
  names.reserve(found.size());
  for (size_t i = 0; i < found.size();) {
    std::vector<uint16_t> holders;
    size_t next = i;
    while (next < found.size() && found[next].first == found[i].first) {
      holders.push_back(found[next++].second);
    }
    names.push_back(MakeName(std::move(found[i].first), holders));
    i = next;
  }
  return names;
}

FoundName NameFinder::MakeName(std::string metric, const std::vector<uint16_t>& holders) const {
  FoundName name{.metric = std::move(metric), .owners = {}, .others = {}};
  name.owners = fanout_.OwnersOf(name.metric);
  std::stable_partition(name.owners.begin(), name.owners.end(),
                        [&](uint16_t shard) { return Contains(holders, shard); });
  for (const uint16_t shard : holders) {
    if (!Contains(name.owners, shard)) name.others.push_back(shard);
  }
  return name;
}

absl::StatusOr<std::vector<FoundNode>> NameFinder::Find(const std::string& pattern) {
  const auto ask = [&](ShardClient& client, const ShardCall& call, auto done) {
    client.Find(call, pattern, fanout_.limits.find_matches_max, std::move(done));
  };
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<FoundNode> nodes,
                            internal::AskShards<FoundNode>(fanout_, "find", ask));
  SortRuns(nodes, IsBefore);
  nodes.erase(std::unique(nodes.begin(), nodes.end(), IsSame), nodes.end());
  return nodes;
}

absl::StatusOr<std::vector<std::string>> NameFinder::List() {
  const auto ask = [&](ShardClient& client, const ShardCall& call, auto done) {
    client.List(call, fanout_.limits.find_matches_max, std::move(done));
  };
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<std::string> names,
                            internal::AskShards<std::string>(fanout_, "list", ask));
  SortRuns(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace plumbago::query
