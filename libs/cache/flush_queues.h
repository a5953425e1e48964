// Which of a partition's series goes to the store next.
//
// A series with pending points is in one list: new ones, full ones, those that the store refused a
// moment ago, and the rest by age. What is due is decided here, and in which order it goes:
//
//   kOldestFirst  full ones, then by age. carbon's timesorted
//   kNaive        the same, but a partition at a time. carbon's naive and random
//   kMax          most pending points first (within a factor of two). carbon's max
//   kSorted       the same, but in rounds: what becomes due meanwhile waits for the next. carbon's
//                 sorted
//
// New series go ahead of all, so that they can be found soon. They differ only where more is due
// than the store takes or the rates allow. Guarded by the mutex of the partition.
#pragma once

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cache/hot_series.h"

namespace plumbago::cache {

enum class FlushStrategy { kOldestFirst, kNaive, kMax, kSorted };

// By our names and carbon's. False where it is none.
bool ParseFlushStrategy(absl::string_view text, FlushStrategy* strategy);

// What is due at a moment.
struct FlushDue {
  uint32_t now_ms = 0;  // of the cache's clock
  absl::Duration flush_age;
  absl::Duration new_series_flush_age;
  bool is_everything_due = false;  // memory is nearly full, or the cache drains
};

class FlushQueues {
 public:
  FlushQueues(FlushStrategy strategy, uint32_t flush_points)
      : strategy_(strategy), flush_points_(flush_points) {}

  // The series has pending points, none in flight, and is in no list, or in one that may be wrong
  // by now.
  void Put(HotSeries* series);
  // After a point was added to a series that is in a list.
  void OnGrown(HotSeries* series);
  void Remove(HotSeries* series);

  // The next new series that is due, or null. It stays in its list until Remove().
  HotSeries* NextNew(const FlushDue& due);
  // The next other one.
  HotSeries* NextKnown(const FlushDue& due);
  // How urgent NextKnown() is as against that of another partition; 0: it is null.
  uint64_t Urgency(const FlushDue& due);

 private:
  static constexpr int kRanks = 16;
  // A doubly linked list through HotSeries, oldest first.
  struct List {
    HotSeries* head = nullptr;
    HotSeries* tail = nullptr;
  };

  List& ListOf(const HotSeries& series);
  void Append(HotSeries* series, FlushQueue queue);
  bool IsDue(const HotSeries* series, const FlushDue& due, absl::Duration age) const;
  HotSeries* NextDue(const FlushDue& due);
  bool is_ranked() const {
    return strategy_ == FlushStrategy::kMax || strategy_ == FlushStrategy::kSorted;
  }
  void MakeReady(const FlushDue& due);
  HotSeries* NextReady() const;
  static uint8_t RankOf(const HotSeries& series);

  const FlushStrategy strategy_;
  const uint32_t flush_points_;
  std::array<List, 5> lists_;       // by FlushQueue, but kReady
  std::array<List, kRanks> ready_;  // by the logarithm of the pending points
};

}  // namespace plumbago::cache
