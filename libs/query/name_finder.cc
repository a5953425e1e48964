#include "query/name_finder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/status.h"
#include "query/gather.h"

namespace plumbago::query {
namespace {

bool IsBefore(const FoundNode& a, const FoundNode& b) {
  return a.path != b.path ? a.path < b.path : a.is_leaf < b.is_leaf;
}

bool IsSame(const FoundNode& a, const FoundNode& b) {
  return a.path == b.path && a.is_leaf == b.is_leaf;
}

bool Contains(const std::vector<uint16_t>& shards, uint16_t shard) {
  return std::find(shards.begin(), shards.end(), shard) != shards.end();
}

void AddLeaves(std::vector<FoundNode> nodes, std::vector<std::string>& names) {
  for (FoundNode& node : nodes) {
    if (node.is_leaf) names.push_back(std::move(node.path));
  }
}

// Waits for the shards' answers, of which each gave several: for all of them, and once they take
// longer than usual only until one replica of each slot has answered everything. `answer(i)` is the
// i-th answer of the shard with the index i modulo the count of shards.
template <typename Answer>
void AwaitCoverage(const Fanout& fanout, const ShardCall& call, const std::vector<uint16_t>& shards,
                   size_t answer_count, const Answer& answer, CallGroup& calls) {
  const auto all_ended = [&] {
    for (size_t i = 0; i < answer_count; ++i) {
      if (!answer(i).first) return false;
    }
    return true;
  };
  const auto is_covered = [&] {
    std::vector<bool> is_good(fanout.request.slot_map->shards().size(), false);
    for (const uint16_t shard : shards) is_good[shard] = true;
    for (size_t i = 0; i < answer_count; ++i) {
      const auto [has_ended, is_ok] = answer(i);
      if (!has_ended || !is_ok) is_good[shards[i % shards.size()]] = false;
    }
    return fanout.CoverAllSlots(is_good);
  };
  absl::Duration usual;
  for (const uint16_t shard : shards) {
    usual = std::max(usual, fanout.ClientOf(shard)->UsualTime(ShardClient::CallKind::kFind));
  }
  const absl::Time last = call.deadline + CallGroup::kGrace;
  if (!calls.WaitUntil(fanout.clock, std::min(last, fanout.clock.Now() + usual), all_ended)) {
    calls.WaitUntil(fanout.clock, last, [&] { return all_ended() || is_covered(); });
  }
  calls.Close();
}

// Whether an answer is there, and good.
template <typename T>
std::pair<bool, bool> StateOf(const AnswerOf<T>& answer) {
  return {answer.is_there(), answer.is_there() && answer.status().ok()};
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
  AwaitCoverage(fanout_, call, shards, asked.size(), state, calls);
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
  std::sort(found.begin(), found.end());
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
  PLUMBAGO_RETURN_IF_ERROR(fanout_.CheckTopology());
  fanout_.report.NeedAllSlots();
  const ShardCall call = fanout_.MakeCall();
  const std::vector<uint16_t> shards = fanout_.ActiveShards();
  CallGroup calls;
  std::vector<AnswerOf<FoundNode>> answers(shards.size());
  for (size_t i = 0; i < shards.size(); ++i) {
    fanout_.ClientOf(shards[i])->Find(call, pattern, fanout_.limits.find_matches_max,
                                      calls.Expect(answers[i]));
  }
  AwaitCoverage(
      fanout_, call, shards, answers.size(), [&](size_t i) { return StateOf(answers[i]); }, calls);
  std::vector<FoundNode> nodes;
  for (size_t i = 0; i < shards.size(); ++i) {
    const absl::Status status = answers[i].status();
    fanout_.report.Add(shards[i], "find", status);
    if (IsOfRequest(status)) return status;
    if (!status.ok()) continue;
    std::move(answers[i].items().begin(), answers[i].items().end(), std::back_inserter(nodes));
  }
  std::sort(nodes.begin(), nodes.end(), IsBefore);
  nodes.erase(std::unique(nodes.begin(), nodes.end(), IsSame), nodes.end());
  return nodes;
}

absl::StatusOr<std::vector<std::string>> NameFinder::List() {
  PLUMBAGO_RETURN_IF_ERROR(fanout_.CheckTopology());
  fanout_.report.NeedAllSlots();
  const ShardCall call = fanout_.MakeCall();
  const std::vector<uint16_t> shards = fanout_.ActiveShards();
  CallGroup calls;
  std::vector<AnswerOf<std::string>> answers(shards.size());
  for (size_t i = 0; i < shards.size(); ++i) {
    fanout_.ClientOf(shards[i])->List(call, fanout_.limits.find_matches_max,
                                      calls.Expect(answers[i]));
  }
  AwaitCoverage(
      fanout_, call, shards, answers.size(), [&](size_t i) { return StateOf(answers[i]); }, calls);
  std::vector<std::string> names;
  for (size_t i = 0; i < shards.size(); ++i) {
    const absl::Status status = answers[i].status();
    fanout_.report.Add(shards[i], "list", status);
    if (IsOfRequest(status)) return status;
    if (!status.ok()) continue;
    std::move(answers[i].items().begin(), answers[i].items().end(), std::back_inserter(names));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace plumbago::query
