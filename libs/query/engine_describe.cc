// What the files of series are like, from every shard that has them.
#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "query/engine.h"
#include "query/gather.h"
#include "query/name_finder.h"

namespace plumbago::query {
namespace {

using Work = std::map<uint16_t, std::vector<std::string>>;  // series by shard

absl::StatusOr<Work> WorkOf(const std::vector<std::string>& patterns, const Limits& limits,
                            NameFinder& finder) {
  PLUMBAGO_RETURN_IF_ERROR(finder.Expand(patterns));
  Work work;
  size_t series_count = 0;
  for (const std::string& pattern : patterns) {
    for (const FoundName& name : finder.NamesOf(pattern)) {
      if (++series_count > limits.series_max) {
        return absl::ResourceExhaustedError(
            absl::StrCat("the patterns match more than ", limits.series_max, " series (",
                         limits.series_name, "); use narrower patterns"));
      }
      for (const uint16_t shard : name.owners) work[shard].push_back(name.metric);
      for (const uint16_t shard : name.others) work[shard].push_back(name.metric);
    }
  }
  for (auto& [shard, names] : work) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
  }
  return work;
}

}  // namespace

absl::StatusOr<DescribeAnswer> Engine::Describe(const RequestContext& context,
                                                const std::vector<std::string>& patterns) const {
  const Limits& limits = LimitsFor(context);
  ShardReport report(context.slot_map);
  const Fanout fanout{context, limits, clients_, clock_, report};
  NameFinder finder(fanout);
  PLUMBAGO_ASSIGN_OR_RETURN(const Work work, WorkOf(patterns, limits, finder));
  const ShardCall call = fanout.MakeCall();
  CallGroup calls;
  std::vector<AnswerOf<SeriesLayout>> answers(work.size());
  auto answer = answers.begin();
  for (const auto& [shard, names] : work) {
    fanout.ClientOf(shard)->Describe(call, std::make_shared<const std::vector<std::string>>(names),
                                     calls.Expect(*answer++));
  }
  calls.WaitUntil(clock_, call.deadline + CallGroup::kGrace, [&] {
    return std::all_of(answers.begin(), answers.end(),
                       [](const auto& one) { return one.is_there(); });
  });
  calls.Close();
  DescribeAnswer result;
  answer = answers.begin();
  for (const auto& [shard, names] : work) {
    AnswerOf<SeriesLayout>& given = *answer++;
    report.Add(shard, "describe", given.status());
    if (IsOfRequest(given.status())) return given.status();
    if (!given.status().ok() || given.items().empty()) continue;
    ShardLayouts& layouts = result.shards.emplace_back();
    layouts.shard = context.slot_map->shards()[shard].id;
    for (SeriesLayout& layout : given.items()) {
      if (layout.metric_index >= names.size()) continue;
      layouts.series.emplace_back(names[layout.metric_index], std::move(layout));
    }
  }
  result.notes.missing_shards = report.Missing();
  if (!report.NothingAnswered()) return result;
  return absl::UnavailableError(
      absl::StrCat("no shard answered: ", DescribeMissing(result.notes.missing_shards)));
}

}  // namespace plumbago::query
