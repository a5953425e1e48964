#include "query/request.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "query/circuit_breaker.h"

namespace plumbago::query {
namespace {

constexpr absl::string_view kExcluded = "excluded";

// "DEADLINE_EXCEEDED" as "deadline exceeded".
std::string Reason(const absl::Status& status) {
  if (IsBreakerOpen(status)) return "breaker open";
  const std::string code = absl::StatusCodeToString(status.code());
  return absl::StrReplaceAll(absl::AsciiStrToLower(code), {{"_", " "}});
}

}  // namespace

void ShardReport::Add(uint16_t shard, absl::string_view what, const absl::Status& status) {
  is_asked_ = true;
  is_answered_ |= status.ok();
  if (!status.ok()) failures_.emplace(shard, absl::StrCat(Reason(status), " in ", what));
}

bool ShardReport::IsGood(uint16_t shard) const {
  return slot_map_->shards()[shard].state == topology::ShardState::kActive &&
         !failures_.contains(shard);
}

std::vector<MissingShard> ShardReport::Missing() const {
  std::set<uint16_t> missing;
  const auto check = [&](uint32_t slot) {
    const absl::Span<const uint16_t> replicas = slot_map_->ReplicasOf(slot);
    const auto is_good = [this](uint16_t shard) { return IsGood(shard); };
    if (std::none_of(replicas.begin(), replicas.end(), is_good)) {
      missing.insert(replicas.begin(), replicas.end());
    }
  };
  if (needs_all_slots_) {
    for (uint32_t slot = 0; slot < topology::kSlotCount; ++slot) check(slot);
  } else {
    for (const uint32_t slot : slots_) check(slot);
  }
  std::vector<MissingShard> result;
  for (const uint16_t shard : missing) {
    const auto failure = failures_.find(shard);
    result.push_back({slot_map_->shards()[shard].id,
                      failure == failures_.end() ? std::string(kExcluded) : failure->second});
  }
  return result;
}

bool ShardReport::NothingAnswered() const { return is_asked_ && !is_answered_; }

std::string DescribeMissing(const std::vector<MissingShard>& missing) {
  return absl::StrJoin(missing, ", ", [](std::string* out, const MissingShard& shard) {
    absl::StrAppend(out, shard.id, " (", shard.reason, ")");
  });
}

}  // namespace plumbago::query
