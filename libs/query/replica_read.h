// Reads series from shards: stored points and hot ones together, or hot ones alone, each series
// from one of its replicas.
//
// The first owner of a series is asked; where it fails the next one is asked at once, where it is
// slower than its calls usually are the next one is asked too, as far as the hedge budget goes. The
// first complete set of answers ends the waiting; calls that have lost are cancelled. Serves one
// request on one thread and blocks, for at most the shard timeout.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/cancellation.h"
#include "functions/evaluator.h"
#include "query/fanout.h"
#include "query/gather.h"
#include "query/name_finder.h"

namespace plumbago::query {

// What shards are asked for `range`: seconds as the contracts have them.
FetchRange FetchRangeOf(const functions::TimeRange& range, int64_t now);

class ReplicaRead {
 public:
  enum class What { kSeries, kHotPoints };
  using Names = std::vector<const FoundName*>;

  // What one shard was asked for one fetch.
  struct Part {
    size_t fetch_index = 0;
    uint16_t shard = 0;
    Names names;
    Metrics metrics;                // their texts
    AnswerOf<StoredSeries> stored;  // not asked for where hot points are read alone
    AnswerOf<HotSeries> hot;

   private:
    friend class ReplicaRead;
    enum class Backup { kPossible, kNone, kAsked };
    size_t attempt = 0;  // which owner of its names the shard is
    Backup backup = Backup::kPossible;
    std::vector<size_t> backups;  // parts that were asked for the same names
    absl::Time hedge_at = absl::InfiniteFuture();

    bool has_ended() const { return stored.has_ended() && hot.has_ended(); }
    bool is_whole() const { return has_ended() && !has_failed(); }
    bool has_failed() const { return stored.has_failed() || hot.has_failed(); }
  };

  // `points_left`: of the request.
  ReplicaRead(const Fanout& fanout, What what, int64_t points_left);
  ~ReplicaRead();
  ReplicaRead(const ReplicaRead&) = delete;
  ReplicaRead& operator=(const ReplicaRead&) = delete;

  // All parts that were asked, with their answers; replicas may have answered the same. Notes in
  // the report what failed. Errors are the request's own: a limit, or its time is over.
  absl::Status Run(const std::vector<functions::Fetch>& fetches, const std::vector<Names>& names);
  std::vector<Part>& parts() { return parts_; }
  // Calls visit(part) for parts such that each name is in the last one visited that has it: the
  // first owner's, or where that has failed or not answered, the replicas'.
  template <typename Visit>
  void VisitChosen(const Visit& visit) {
    for (Part& part : parts_) {
      if (part.attempt == 0) VisitChosen(part, visit);
    }
  }

 private:
  using ByShard = std::map<uint16_t, Names>;

  template <typename Visit>
  void VisitChosen(Part& part, const Visit& visit) {
    visit(part);
    if (part.is_whole()) return;
    for (const size_t backup : part.backups) VisitChosen(parts_[backup], visit);
  }

  void AskFirst(const functions::Fetch& fetch, size_t fetch_index, const Names& names);
  void Ask(const functions::Fetch& fetch, size_t fetch_index, ByShard by_shard, size_t attempt,
           Part::Backup backup);
  void Start(const functions::Fetch& fetch, Part& part);
  void AskBackups(const std::vector<functions::Fetch>& fetches);
  void AskBackup(const functions::Fetch& fetch, size_t part_index);
  bool NeedsAttention() const;
  bool IsSettled(size_t part_index) const;
  bool AllSettled() const;
  absl::Time NextHedge() const;
  absl::Status Report();
  // Owners in the order of asking: those whose breakers are closed first.
  std::vector<uint16_t> OwnersInOrder(const FoundName& name) const;

  const Fanout& fanout_;
  const What what_;
  // Of all calls: cancelled with the request, and when nothing waits for them any more.
  const std::shared_ptr<base::Cancellation> cancellation_;  // shared with the calls
  uint64_t cancellation_id_ = 0;                            // in the request's
  ShardCall call_;
  const int64_t points_left_;
  std::vector<bool> is_usable_;  // by shard, as it was at the beginning
  CallGroup calls_;
  std::vector<Part> parts_;
};

}  // namespace plumbago::query
