#include "query/replica_read.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/status.h"

namespace plumbago::query {
namespace {

// A step may reach beyond the end of the range; points behind it are cut off by index.
constexpr int64_t kHotSlackSeconds = 3600;

int64_t Clamp(int64_t seconds) {
  return std::clamp<int64_t>(seconds, 0, std::numeric_limits<uint32_t>::max());
}

}  // namespace

FetchRange FetchRangeOf(const functions::TimeRange& range, int64_t now) {
  return {Clamp(range.from), Clamp(range.until), now};
}

ReplicaRead::ReplicaRead(const Fanout& fanout, What what, int64_t points_left)
    : fanout_(fanout),
      what_(what),
      cancellation_(std::make_shared<base::Cancellation>()),
      call_(fanout.MakeCall()),
      points_left_(points_left) {
  if (call_.cancellation != nullptr) {
    cancellation_id_ = call_.cancellation->Add([own = cancellation_] { own->Cancel(); });
  }
  call_.cancellation = cancellation_;
  const size_t shard_count = fanout.request.slot_map->shards().size();
  for (size_t i = 0; i < shard_count; ++i) {
    is_usable_.push_back(fanout.ClientOf(static_cast<uint16_t>(i))->IsUsable());
  }
}

ReplicaRead::~ReplicaRead() {
  const auto& of_request = fanout_.request.cancellation;
  if (of_request != nullptr) of_request->Remove(cancellation_id_);
}

absl::Status ReplicaRead::Run(const std::vector<functions::Fetch>& fetches,
                              const std::vector<Names>& names) {
  for (size_t i = 0; i < fetches.size(); ++i) AskFirst(fetches[i], i, names[i]);
  const absl::Time last = call_.deadline + CallGroup::kGrace;
  while (true) {
    AskBackups(fetches);
    const auto is_enough = [this] { return AllSettled() || NeedsAttention(); };
    calls_.WaitUntil(fanout_.clock, std::min(last, NextHedge()), is_enough);
    bool is_over = false;
    calls_.WaitUntil(fanout_.clock, absl::InfinitePast(),
                     [&] { return is_over = AllSettled() && !NeedsAttention(); });
    if (is_over || fanout_.clock.Now() >= last) break;
  }
  calls_.Close();
  cancellation_->Cancel();
  return Report();
}

void ReplicaRead::AskFirst(const functions::Fetch& fetch, size_t fetch_index, const Names& names) {
  ByShard first;
  ByShard others;
  for (const FoundName* name : names) {
    for (const uint16_t shard : name->others) others[shard].push_back(name);
    if (fanout_.limits.replica_reads == ReplicaReads::kAll) {
      for (const uint16_t shard : name->owners) others[shard].push_back(name);
    } else if (name->owners.size() == 1) {
      first[name->owners[0]].push_back(name);
    } else if (!name->owners.empty()) {
      first[OwnersInOrder(*name)[0]].push_back(name);
    }
  }
  Ask(fetch, fetch_index, std::move(first), 0, Part::Backup::kPossible);
  Ask(fetch, fetch_index, std::move(others), 0, Part::Backup::kNone);
}

std::vector<uint16_t> ReplicaRead::OwnersInOrder(const FoundName& name) const {
  std::vector<uint16_t> owners = name.owners;
  if (owners.size() < 2) return owners;
  std::stable_partition(owners.begin(), owners.end(),
                        [this](uint16_t shard) { return is_usable_[shard]; });
  return owners;
}

void ReplicaRead::Ask(const functions::Fetch& fetch, size_t fetch_index, ByShard by_shard,
                      size_t attempt, Part::Backup backup) {
  for (auto& [shard, names] : by_shard) {
    Part& part = parts_.emplace_back();
    part.fetch_index = fetch_index;
    part.shard = shard;
    part.attempt = attempt;
    part.backup = backup;
    auto metrics = std::make_shared<std::vector<std::string>>();
    metrics->reserve(names.size());
    bool has_more_owners = false;
    for (const FoundName* name : names) {
      metrics->push_back(name->metric);
      has_more_owners |= name->owners.size() > attempt + 1;
    }
    if (!has_more_owners) part.backup = Part::Backup::kNone;
    part.names = std::move(names);
    part.metrics = std::move(metrics);
    Start(fetch, part);
  }
}

void ReplicaRead::Start(const functions::Fetch& fetch, Part& part) {
  const std::shared_ptr<ShardClient> client = fanout_.ClientOf(part.shard);
  if (part.backup == Part::Backup::kPossible) {
    part.hedge_at = fanout_.clock.Now() + client->UsualTime(ShardClient::CallKind::kFetch);
  }
  if (what_ == What::kSeries) {
    FetchRange range = FetchRangeOf(fetch.range, fanout_.request.now);
    range.lookback_points = fetch.lookback_points;
    client->Fetch(call_, part.metrics, range, points_left_, calls_.Expect(part.stored));
  }
  // How far a look back reaches is not known here; few hot points are older than a range.
  const int64_t hot_from = fetch.lookback_points > 0 ? 0 : fetch.range.from;
  const int64_t hot_until = fetch.range.until + kHotSlackSeconds;
  client->ReadHot(call_, part.metrics, {Clamp(hot_from), Clamp(hot_until), fanout_.request.now},
                  calls_.Expect(part.hot));
}

// Parts whose replicas are asked too: because they failed, or are late and the budget allows it.
void ReplicaRead::AskBackups(const std::vector<functions::Fetch>& fetches) {
  const absl::Time now = fanout_.clock.Now();
  std::vector<size_t> failed;
  std::vector<size_t> late;
  calls_.WaitUntil(fanout_.clock, absl::InfinitePast(), [&] {
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (parts_[i].backup != Part::Backup::kPossible) continue;
      if (parts_[i].is_whole()) {
        parts_[i].backup = Part::Backup::kNone;
      } else if (parts_[i].has_failed()) {
        failed.push_back(i);
      } else if (now >= parts_[i].hedge_at) {
        late.push_back(i);
      }
    }
    return true;
  });
  for (const size_t i : failed) AskBackup(fetches[parts_[i].fetch_index], i);
  for (const size_t i : late) {
    if (fanout_.clients.TakeHedge()) {
      AskBackup(fetches[parts_[i].fetch_index], i);
    } else {
      parts_[i].hedge_at = absl::InfiniteFuture();  // only if it fails
    }
  }
}

void ReplicaRead::AskBackup(const functions::Fetch& fetch, size_t part_index) {
  parts_[part_index].backup = Part::Backup::kAsked;
  const size_t attempt = parts_[part_index].attempt + 1;
  ByShard by_shard;
  for (const FoundName* name : parts_[part_index].names) {
    if (attempt < name->owners.size()) by_shard[OwnersInOrder(*name)[attempt]].push_back(name);
  }
  const size_t first = parts_.size();
  Ask(fetch, parts_[part_index].fetch_index, std::move(by_shard), attempt, Part::Backup::kPossible);
  for (size_t i = first; i < parts_.size(); ++i) parts_[part_index].backups.push_back(i);
}

bool ReplicaRead::NeedsAttention() const {
  return std::any_of(parts_.begin(), parts_.end(), [](const Part& part) {
    return part.backup == Part::Backup::kPossible && part.has_failed();
  });
}

// There is nothing to wait for any more: it has answered, or its replicas have, or all failed.
bool ReplicaRead::IsSettled(size_t part_index) const {
  const Part& part = parts_[part_index];
  if (part.is_whole()) return true;
  if (part.backup != Part::Backup::kAsked) return part.has_ended();
  const auto& backups = part.backups;
  const bool are_settled =
      std::all_of(backups.begin(), backups.end(), [this](size_t i) { return IsSettled(i); });
  const bool are_good = std::all_of(backups.begin(), backups.end(),
                                    [this](size_t i) { return parts_[i].is_whole(); });
  return are_settled && (are_good || part.has_ended());
}

bool ReplicaRead::AllSettled() const {
  for (size_t i = 0; i < parts_.size(); ++i) {
    // Backups count through the part that they are for.
    if (parts_[i].attempt == 0 && !IsSettled(i)) return false;
  }
  return true;
}

absl::Time ReplicaRead::NextHedge() const {
  absl::Time next = absl::InfiniteFuture();
  for (const Part& part : parts_) {
    if (part.backup == Part::Backup::kPossible) next = std::min(next, part.hedge_at);
  }
  return next;
}

absl::Status ReplicaRead::Report() {
  for (size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    const bool is_stored_asked = what_ == What::kSeries;
    if (is_stored_asked && IsOfRequest(part.stored.status())) return part.stored.status();
    // Whoever lost against a replica has not failed.
    if (!part.has_ended() && !part.has_failed() && IsSettled(i)) continue;
    if (is_stored_asked) fanout_.report.Add(part.shard, "fetch", part.stored.status());
    fanout_.report.Add(part.shard, "cache read", part.hot.status());
  }
  return fanout_.CheckAlive();
}

}  // namespace plumbago::query
