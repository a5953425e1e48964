// One question to every active shard, or several to each, and the wait for enough of the answers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "query/fanout.h"
#include "query/gather.h"

namespace plumbago::query::internal {

// Whether an answer is there, and good.
template <typename T>
std::pair<bool, bool> StateOf(const AnswerOf<T>& answer) {
  return {answer.is_there(), answer.is_there() && answer.status().ok()};
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

// What the active shards answer to `ask(client, call, done)`, one after the other. `what` it is
// goes into the report with what fails; errors are those of the request.
template <typename T, typename Ask>
absl::StatusOr<std::vector<T>> AskShards(const Fanout& fanout, absl::string_view what,
                                         const Ask& ask) {
  PLUMBAGO_RETURN_IF_ERROR(fanout.CheckTopology());
  fanout.report.NeedAllSlots();
  const ShardCall call = fanout.MakeCall();
  const std::vector<uint16_t> shards = fanout.ActiveShards();
  CallGroup calls;
  std::vector<AnswerOf<T>> answers(shards.size());
  for (size_t i = 0; i < shards.size(); ++i) {
    ask(*fanout.ClientOf(shards[i]), call, calls.Expect(answers[i]));
  }
  AwaitCoverage(
      fanout, call, shards, answers.size(), [&](size_t i) { return StateOf(answers[i]); }, calls);
  std::vector<T> all;
  for (size_t i = 0; i < shards.size(); ++i) {
    const absl::Status status = answers[i].status();
    fanout.report.Add(shards[i], what, status);
    if (IsOfRequest(status)) return status;
    if (!status.ok()) continue;
    std::move(answers[i].items().begin(), answers[i].items().end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace plumbago::query::internal
