// The engine's queries of tags: names of series, tags and values from all shards, and the series
// that a client makes known or takes away.
#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "metric/tag_expression.h"
#include "query/engine.h"
#include "query/internal/ask_shards.h"

namespace plumbago::query {
namespace {

// A store answers with this many names or values at most.
constexpr size_t kCompletionsMax = 10'000;

absl::Status CheckAnswered(const ShardReport& report) {
  if (!report.NothingAnswered()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("no shard answered: ", DescribeMissing(report.Missing())));
}

AnswerNotes NotesOf(const ShardReport& report) {
  AnswerNotes notes;
  notes.missing_shards = report.Missing();
  return notes;
}

bool HasReplicas(const topology::SlotMap& slot_map) {
  for (uint32_t slot = 0; slot < topology::kSlotCount; ++slot) {
    if (slot_map.ReplicasOf(slot).size() > 1) return true;
  }
  return false;
}

// The value of `tag` in a canonical name; empty where it has none.
absl::string_view ValueOf(absl::string_view metric, absl::string_view tag) {
  std::vector<absl::string_view> parts = absl::StrSplit(metric, ';');
  if (tag == "name")
    return parts[0].substr(std::min(parts[0].find_first_not_of('~'), parts[0].size()));
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].size() > tag.size() && parts[i][tag.size()] == '=' &&
        absl::StartsWith(parts[i], tag)) {
      return parts[i].substr(tag.size() + 1);
    }
  }
  return {};
}

std::vector<TagEntry> FirstOf(const std::map<std::string, uint64_t>& counts, size_t count_max) {
  std::vector<TagEntry> entries;
  for (const auto& [text, series_count] : counts) {
    if (entries.size() == count_max) break;
    entries.push_back({text, series_count});
  }
  return entries;
}

absl::Status TooMany(const TagQuestion& question) {
  return absl::ResourceExhaustedError(
      absl::StrCat(question.tag.empty()
                       ? "there are more tags"
                       : absl::StrCat("tag \"", base::Excerpt(question.tag), "\" has more values"),
                   " than the ", kCompletionsMax,
                   " that a store tells at once; ask with a prefix, an expression "
                   "or a limit"));
}

// Calls `ask` for each shard of `work` with its metrics, and waits for all of them.
template <typename Ask>
absl::Status ChangeOn(const Fanout& fanout,
                      const std::map<uint16_t, std::vector<std::string>>& work, const Ask& ask) {
  const ShardCall call = fanout.MakeCall();
  CallGroup calls;
  std::vector<AnswerOf<std::string>> answers(work.size());
  auto answer = answers.begin();
  for (const auto& [shard, metrics] : work) {
    ask(*fanout.ClientOf(shard), call, std::make_shared<const std::vector<std::string>>(metrics),
        calls.Expect(*answer++));
  }
  calls.WaitUntil(fanout.clock, call.deadline + CallGroup::kGrace, [&] {
    return std::all_of(answers.begin(), answers.end(),
                       [](const auto& one) { return one.is_there(); });
  });
  calls.Close();
  answer = answers.begin();
  for (const auto& [shard, metrics] : work) {
    const AnswerOf<std::string>& given = *answer++;
    const absl::Status status = given.status();
    const std::string& id = fanout.request.slot_map->shards()[shard].id;
    if (IsOfRequest(status)) return status;
    if (!status.ok()) {
      return absl::UnavailableError(absl::StrCat(
          id, " did not do its part: ", std::string(status.message()), "; repeat the request"));
    }
    if (!given.items().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(id, " refused ", given.items().size(), " of ", metrics.size(),
                       " series; the first: ", given.items().front()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ListAnswer> Engine::FindTagged(const RequestContext& context,
                                              const std::vector<std::string>& expressions) const {
  // The shards would say the same, each for itself.
  PLUMBAGO_RETURN_IF_ERROR(metric::ParseTagExpressions(expressions).status());
  ShardReport report(context.slot_map);
  const Fanout fanout{context, limits_, clients_, clock_, report};
  const auto ask = [&](ShardClient& client, const ShardCall& call, auto done) {
    client.FindTagged(call, expressions, limits_.find_matches_max, std::move(done));
  };
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<std::string> names,
                            internal::AskShards<std::string>(fanout, "find", ask));
  PLUMBAGO_RETURN_IF_ERROR(CheckAnswered(report));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return ListAnswer{std::move(names), NotesOf(report)};
}

absl::StatusOr<TagAnswer> Engine::CompleteTags(const RequestContext& context,
                                               const TagQuestion& question, Counts counts) const {
  if (!question.expressions.empty()) {
    std::vector<std::string> expressions = question.expressions;
    if (!question.tag.empty()) expressions.push_back(absl::StrCat(question.tag, "!="));
    PLUMBAGO_RETURN_IF_ERROR(metric::ParseTagExpressions(expressions).status());
  }
  if (counts == Counts::kExact && context.slot_map != nullptr && HasReplicas(*context.slot_map)) {
    return CountByNames(context, question);
  }
  ShardReport report(context.slot_map);
  const Fanout fanout{context, limits_, clients_, clock_, report};
  TagQuestion bounded = question;
  bounded.count_max = std::min(question.count_max, kCompletionsMax);
  // Shared with answers that come too late.
  const auto is_cut = std::make_shared<std::atomic<bool>>(false);
  const auto ask = [&](ShardClient& client, const ShardCall& call,
                       ShardClient::Done<TagEntry> done) {
    client.CompleteTags(
        call, bounded,
        [is_cut, done = std::move(done)](absl::StatusOr<std::vector<TagEntry>> answer) {
          if (answer.ok() && answer->size() >= kCompletionsMax) *is_cut = true;
          done(std::move(answer));
        });
  };
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<TagEntry> found,
                            internal::AskShards<TagEntry>(fanout, "complete", ask));
  PLUMBAGO_RETURN_IF_ERROR(CheckAnswered(report));
  if (question.count_max > kCompletionsMax && *is_cut) return TooMany(question);
  std::map<std::string, uint64_t> by_text;
  for (TagEntry& entry : found) by_text[std::move(entry.text)] += entry.series_count;
  return TagAnswer{FirstOf(by_text, question.count_max), NotesOf(report)};
}

absl::StatusOr<TagAnswer> Engine::CountByNames(const RequestContext& context,
                                               const TagQuestion& question) const {
  std::vector<std::string> expressions = question.expressions;
  expressions.push_back(absl::StrCat(question.tag, "!="));
  PLUMBAGO_ASSIGN_OR_RETURN(ListAnswer found, FindTagged(context, expressions));
  std::map<std::string, uint64_t> by_text;
  for (const std::string& name : found.names) {
    const absl::string_view value = ValueOf(name, question.tag);
    if (absl::StartsWith(value, question.prefix)) ++by_text[std::string(value)];
  }
  return TagAnswer{FirstOf(by_text, question.count_max), std::move(found.notes)};
}

absl::Status Engine::CreateSeries(const RequestContext& context,
                                  const std::vector<std::string>& metrics) const {
  ShardReport report(context.slot_map);
  const Fanout fanout{context, limits_, clients_, clock_, report};
  PLUMBAGO_RETURN_IF_ERROR(fanout.CheckTopology());
  std::map<uint16_t, std::vector<std::string>> work;
  for (const std::string& metric : metrics) {
    const std::vector<uint16_t> owners = fanout.OwnersOf(metric);
    if (owners.empty()) {
      return absl::UnavailableError(
          absl::StrCat("no active shard owns \"", base::Excerpt(metric), "\""));
    }
    for (const uint16_t shard : owners) work[shard].push_back(metric);
  }
  return ChangeOn(fanout, work,
                  [](ShardClient& client, const ShardCall& call, Metrics part,
                     ShardClient::Done<std::string> done) {
                    client.CreateSeries(call, std::move(part), std::move(done));
                  });
}

absl::Status Engine::DeleteSeries(const RequestContext& context,
                                  const std::vector<std::string>& metrics) const {
  ShardReport report(context.slot_map);
  const Fanout fanout{context, limits_, clients_, clock_, report};
  PLUMBAGO_RETURN_IF_ERROR(fanout.CheckTopology());
  std::map<uint16_t, std::vector<std::string>> work;
  for (const uint16_t shard : fanout.ActiveShards()) work[shard] = metrics;
  return ChangeOn(fanout, work,
                  [](ShardClient& client, const ShardCall& call, Metrics part,
                     ShardClient::Done<std::string> done) {
                    client.DeleteSeries(call, std::move(part), std::move(done));
                  });
}

}  // namespace plumbago::query
