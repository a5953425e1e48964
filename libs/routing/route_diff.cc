#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "routing/route_table.h"

namespace plumbago::routing {
namespace {

std::string DescribeChecks(const RouteTable& table, DataChecks checks) {
  std::string text;
  for (size_t i = 0; i < table.data_checks().size(); ++i) {
    if ((checks >> i & 1) != 0) {
      absl::StrAppend(&text, " if \"", table.data_checks()[i].regex, "\" finds its data");
    }
  }
  return text;
}

}  // namespace

std::string Describe(const RouteTable& table, const Decision& decision) {
  std::vector<std::string> texts;
  for (const Decision::Feed& feed : decision.feeds) {
    texts.push_back(absl::StrCat("into ", feed.name, " (",
                                 table.aggregates()[feed.aggregate]->identity, ")",
                                 DescribeChecks(table, feed.required)));
  }
  for (const Decision::Send& send : decision.sends) {
    texts.push_back(absl::StrCat(decision.names[send.name], " to ", table.DescribeSend(send),
                                 DescribeChecks(table, send.required)));
  }
  if (decision.drop_reason != DropReason::kNone) {
    texts.push_back(absl::StrCat("dropped: ", DropReasonWord(decision.drop_reason)));
  }
  return absl::StrJoin(texts, "; ");
}

RouteDiff Diff(const RouteTable& before, const RouteTable& after,
               absl::Span<const absl::string_view> metrics, size_t changes_max) {
  RouteDiff diff{.metric_count = metrics.size()};
  for (const absl::string_view metric : metrics) {
    std::string was = Describe(before, before.Decide(metric));
    std::string becomes = Describe(after, after.Decide(metric));
    if (was == becomes) continue;
    ++diff.changed_count;
    if (diff.changes.size() == changes_max) continue;
    diff.changes.push_back(
        {.metric = std::string(metric), .before = std::move(was), .after = std::move(becomes)});
  }
  return diff;
}

}  // namespace plumbago::routing
