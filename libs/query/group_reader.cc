#include "query/group_reader.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "query/gather.h"
#include "query/group_merge.h"
#include "query/replica_read.h"

namespace plumbago::query {
namespace {

// With fewer series a group, columns are no less than the series themselves.
constexpr size_t kSeriesPerGroupMin = 4;

// A group that is reduced, or is to be read whole for a reason.
struct Group {
  explicit Group(functions::Reduction needed) : reduction(std::move(needed)) {}

  functions::Reduction reduction;
  ReplicaRead::Names names;                // of its series
  std::vector<const HotSeries*> hot = {};  // likewise; null: none
  std::optional<GroupMerge> merge = {};
  const char* whole_reason = nullptr;
};

// What one shard is asked.
struct Part {
  std::shared_ptr<ReduceQuestion> question =
      std::make_shared<ReduceQuestion>();  // shared with the call
  std::vector<Group*> groups = {};         // of question->groups
  bool has_other_owners = false;
  bool is_given_up = false;
  absl::Time hedge_at = absl::InfiniteFuture();
  AnswerOf<ReducedGroup> answer = {};
};

// Which shard a series is read from, the same for hot points and for stored ones: each replica has
// its own way from its cache to its store.
struct Source {
  uint16_t shard = 0;
  const HotSeries* hot = nullptr;
};

// All groups of one range.
class RangeReduction {
 public:
  RangeReduction(const Fanout& fanout, const NameFinder& finder, const functions::TimeRange& range)
      : fanout_(fanout),
        finder_(finder),
        range_(range),
        hot_read_(fanout, ReplicaRead::What::kHotPoints, 0) {}

  void Add(functions::Reduction reduction) { groups_.emplace_back(std::move(reduction)); }

  absl::Status Run(int64_t points_left) {
    FindNames();
    CheckSizes();
    PLUMBAGO_RETURN_IF_ERROR(ReadHotPoints());
    ChooseTail();
    MakeParts();
    Ask(points_left);
    return Merge();
  }

  const std::vector<Group>& groups() const { return groups_; }

 private:
  void FindNames();
  void CheckSizes();
  absl::Status ReadHotPoints();
  void ChooseTail();
  void MakeParts();
  void Ask(int64_t points_left);
  void Await(const ShardCall& call);
  void GiveUpLate();
  absl::Status Merge();
  void MergePart(const Part& part);

  void ReadWhole(Group& group, const char* reason) {
    if (group.whole_reason == nullptr) group.whole_reason = reason;
  }
  void ReadAllWhole(const char* reason) {
    for (Group& group : groups_) ReadWhole(group, reason);
  }

  const Fanout& fanout_;
  const NameFinder& finder_;
  const functions::TimeRange range_;
  ReplicaRead hot_read_;
  std::vector<Group> groups_;
  absl::flat_hash_map<const FoundName*, Source> sources_;
  int64_t tail_from_ = kNoTail;
  std::map<uint16_t, Part> parts_;  // by shard
  CallGroup calls_;
};

void RangeReduction::FindNames() {
  const auto is_before = [](const FoundName& name, const std::string& metric) {
    return name.metric < metric;
  };
  for (Group& group : groups_) {
    for (const functions::Series& series : group.reduction.series) {
      const FoundNames& names = finder_.NamesOf(series.path_expression);
      const auto name = std::lower_bound(names.begin(), names.end(), series.name, is_before);
      const bool has_copies =
          !name->others.empty() || fanout_.limits.replica_reads == ReplicaReads::kAll;
      if (has_copies || name->owners.empty()) ReadWhole(group, "copies");
      group.names.push_back(&*name);
    }
  }
}

void RangeReduction::CheckSizes() {
  size_t series_count = 0;
  for (const Group& group : groups_) series_count += group.names.size();
  if (series_count < kSeriesPerGroupMin * groups_.size()) ReadAllWhole("small_groups");
}

absl::Status RangeReduction::ReadHotPoints() {
  ReplicaRead::Names names;
  size_t name_count = 0;
  for (const Group& group : groups_) name_count += group.names.size();
  names.reserve(name_count);
  sources_.reserve(name_count);
  for (const Group& group : groups_) {
    if (group.whole_reason != nullptr) continue;
    for (const FoundName* name : group.names) {
      if (sources_.try_emplace(name).second) names.push_back(name);
    }
  }
  if (names.empty()) return absl::OkStatus();
  PLUMBAGO_RETURN_IF_ERROR(hot_read_.Run({{"", range_}}, {std::move(names)}));
  hot_read_.VisitChosen([this](const ReplicaRead::Part& part) {
    for (const FoundName* name : part.names) sources_[name] = {part.shard, nullptr};
    if (!part.hot.status().ok()) return;
    for (const HotSeries& hot : part.hot.items()) {
      if (hot.metric_index < part.names.size()) sources_[part.names[hot.metric_index]].hot = &hot;
    }
  });
  for (Group& group : groups_) {
    if (group.whole_reason != nullptr) continue;
    for (const FoundName* name : group.names) group.hot.push_back(sources_[name].hot);
  }
  return absl::OkStatus();
}

// The first hot point in the range; nothing where there is none.
std::optional<int64_t> FirstHot(const HotSeries* hot, int64_t from) {
  std::optional<int64_t> first;
  if (hot == nullptr) return first;
  for (const uint32_t time : hot->times) {
    if (time > from && time < first.value_or(kNoTail)) first = time;
  }
  return first;
}

void RangeReduction::ChooseTail() {
  std::vector<int64_t> firsts;
  for (const auto& [name, source] : sources_) {
    if (const auto first = FirstHot(source.hot, range_.from)) firsts.push_back(*first);
  }
  const auto tail_from = query::ChooseTail(std::move(firsts), sources_.size(), range_);
  if (!tail_from.has_value()) ReadAllWhole("hot_points");
  tail_from_ = tail_from.value_or(kNoTail);
}

void RangeReduction::MakeParts() {
  for (Group& group : groups_) {
    if (group.whole_reason != nullptr) continue;
    group.merge.emplace(group.reduction.aggregation, tail_from_);
    for (size_t i = 0; i < group.names.size(); ++i) {
      Part& part = parts_[sources_[group.names[i]].shard];
      part.has_other_owners |= group.names[i]->owners.size() > 1;
      if (part.groups.empty() || part.groups.back() != &group) {
        part.groups.push_back(&group);
        part.question->groups.push_back(
            {.aggregation = group.reduction.aggregation, .metrics = {}, .places = {}, .late = {}});
      }
      ReduceQuestion::Group& asked = part.question->groups.back();
      if (FirstHot(group.hot[i], range_.from).value_or(kNoTail) < tail_from_) {
        asked.late.push_back(static_cast<uint32_t>(asked.metrics.size()));
      }
      asked.metrics.push_back(group.names[i]->metric);
      asked.places.push_back(static_cast<uint32_t>(i));
    }
  }
}

void RangeReduction::Ask(int64_t points_left) {
  const ShardCall call = fanout_.MakeCall();
  for (auto& [shard, part] : parts_) {
    const std::shared_ptr<ShardClient> client = fanout_.ClientOf(shard);
    part.question->tail_from = tail_from_;
    if (part.has_other_owners) {
      part.hedge_at = fanout_.clock.Now() + client->UsualTime(ShardClient::CallKind::kReduce);
    }
    client->Reduce(call, part.question, FetchRangeOf(range_, fanout_.request.now), points_left,
                   calls_.Expect(part.answer));
  }
  Await(call);
  calls_.Close();
}

void RangeReduction::Await(const ShardCall& call) {
  const absl::Time last = call.deadline + CallGroup::kGrace;
  const auto are_all_there = [this] {
    return std::all_of(parts_.begin(), parts_.end(), [](const auto& entry) {
      return entry.second.is_given_up || entry.second.answer.is_there();
    });
  };
  while (true) {
    absl::Time next = last;
    for (const auto& [shard, part] : parts_) next = std::min(next, part.hedge_at);
    if (calls_.WaitUntil(fanout_.clock, next, are_all_there)) return;
    if (fanout_.clock.Now() >= last) return;
    GiveUpLate();
  }
}

// What is slower than usual is read whole, from a replica too, as far as the budget goes.
void RangeReduction::GiveUpLate() {
  const absl::Time now = fanout_.clock.Now();
  std::vector<Part*> late;
  calls_.WaitUntil(fanout_.clock, absl::InfinitePast(), [&] {
    for (auto& [shard, part] : parts_) {
      if (now < part.hedge_at) continue;
      part.hedge_at = absl::InfiniteFuture();
      if (!part.answer.is_there()) late.push_back(&part);
    }
    return true;
  });
  for (Part* part : late) {
    part->is_given_up = fanout_.clients.TakeHedge();
    if (!part->is_given_up) continue;
    for (Group* group : part->groups) ReadWhole(*group, "slow_shard");
  }
}

absl::Status RangeReduction::Merge() {
  for (const auto& [shard, part] : parts_) {
    const absl::Status status = part.answer.status();
    if (IsOfRequest(status)) return status;
    if (status.ok()) {
      fanout_.report.Add(shard, "reduce", status);
      MergePart(part);
    } else if (part.has_other_owners || absl::IsUnimplemented(status)) {
      for (Group* group : part.groups) ReadWhole(*group, "failed_shard");
    } else {
      fanout_.report.Add(shard, "reduce", status);
    }
  }
  return fanout_.CheckAlive();
}

const char* ReasonOf(ReducedGroup::Refusal refusal) {
  switch (refusal) {
    case ReducedGroup::Refusal::kMixedGrids:
      return "mixed_grids";
    case ReducedGroup::Refusal::kUnreadable:
      return "unreadable";
    case ReducedGroup::Refusal::kUnknownSeries:
      return "unknown_series";
    default:
      return nullptr;
  }
}

void RangeReduction::MergePart(const Part& part) {
  size_t answered = 0;
  for (const ReducedGroup& reduced : part.answer.items()) {
    // Answers are in the order of the question.
    if (reduced.group_index != answered || answered == part.groups.size()) break;
    Group& group = *part.groups[answered];
    const ReduceQuestion::Group& asked = part.question->groups[answered];
    ++answered;
    if (const char* reason = ReasonOf(reduced.refusal)) {
      ReadWhole(group, reason);
      continue;
    }
    const GroupMerge::Result result = group.merge->Add(reduced, asked, group.hot);
    if (result == GroupMerge::Result::kMixedGrids) ReadWhole(group, "mixed_grids");
    if (result == GroupMerge::Result::kMalformed) ReadWhole(group, "malformed_answer");
  }
  for (; answered < part.groups.size(); ++answered) {
    ReadWhole(*part.groups[answered], "malformed_answer");
  }
}

}  // namespace

absl::Status GroupReader::Reduce(std::vector<functions::Reduction> reductions, int64_t points_left,
                                 functions::FetchedData& data) {
  std::map<std::pair<int64_t, int64_t>, std::unique_ptr<RangeReduction>> ranges;
  for (functions::Reduction& reduction : reductions) {
    const functions::TimeRange& range = reduction.range;
    auto& in_range = ranges[{range.from, range.until}];
    if (in_range == nullptr) {
      in_range = std::make_unique<RangeReduction>(fanout_, finder_, range);
    }
    in_range->Add(std::move(reduction));
  }
  for (const auto& [range, in_range] : ranges) {
    PLUMBAGO_RETURN_IF_ERROR(in_range->Run(points_left));
    for (const Group& group : in_range->groups()) {
      const functions::Reduction& reduction = group.reduction;
      if (group.whole_reason != nullptr) {
        ++counts_.whole_groups[group.whole_reason];
        for (const functions::Series& series : reduction.series) {
          data.RequireWhole({series.path_expression, reduction.range});
        }
        continue;
      }
      ++counts_.reduced_groups;
      series_count_ += group.merge->series_count();
      point_count_ += group.merge->point_count();
      points_left -= group.merge->point_count();
      data.AddReduced(reduction.key, group.merge->Rows());
    }
  }
  return absl::OkStatus();
}

}  // namespace plumbago::query
