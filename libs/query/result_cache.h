// Results of queries, kept in bounded memory for those who ask again: whole answers of /render, and
// series as they were fetched.
//
// The bound is shared by all tenants: above it the tenant that has most loses what it has not used
// for longest, so that no tenant can push out those who have less. The tenant is part of every key.
// Thread-safe. Results are immutable; a holder may copy the series but must hold the result as long
// as the copies, so that their columns never look unshared to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "functions/evaluator.h"
#include "functions/series.h"

namespace plumbago::query {

class ResultCache {
 public:
  using Result = std::shared_ptr<const functions::SeriesList>;

  enum class Level { kAnswer, kFetch };
  struct Key {
    Level level = Level::kAnswer;
    std::string tenant;
    std::string text;  // what was asked for
  };
  struct Usage {
    uint64_t hit_count[2] = {};  // by level
    uint64_t miss_count[2] = {};
    uint64_t evicted_count = 0;
    size_t entry_count = 0;
    size_t bytes = 0;
  };

  // `bytes_max` 0: nothing is kept. The clock must outlive the cache.
  ResultCache(size_t bytes_max, base::Clock& clock) : bytes_max_(bytes_max), clock_(clock) {}

  bool is_on() const { return bytes_max_ > 0; }
  // Null where there is none, or its time is over.
  Result Find(const Key& key);
  // Replaces what there is. Results over a quarter of the memory are not kept.
  void Add(const Key& key, Result result, absl::Duration time_to_live);
  Usage usage() const;

 private:
  struct Entry {
    std::string id;  // level and text
    Result result;
    size_t bytes = 0;
    absl::Duration expiry;  // on the monotonic clock
  };
  struct Tenant {
    std::list<Entry> entries;  // the latest used first
    absl::flat_hash_map<std::string, std::list<Entry>::iterator> by_id;
    size_t bytes = 0;
  };
  using Tenants = std::map<std::string, Tenant>;

  void Erase(Tenants::iterator tenant, std::list<Entry>::iterator entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EvictOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t bytes_max_;
  base::Clock& clock_;
  mutable base::Mutex mutex_;
  Tenants tenants_ ABSL_GUARDED_BY(mutex_);  // with entries
  Usage usage_ ABSL_GUARDED_BY(mutex_);
};

// How long a result over `range` may be given again. What reaches up to now: a 500th of its length,
// 1 s to 60 s, less than can be seen in a picture of it. What ended longer ago changes only by late
// points: a 60th of that time, up to 10 min. `asked`, in seconds, is what the request wants
// instead.
absl::Duration TimeToLive(const functions::TimeRange& range, int64_t now,
                          std::optional<int64_t> asked);

// The part of a key that stands for the range: its ends, but where it reaches up to now ("live")
// only its length and the end by the time to live, so that "the last hour" asked a moment later is
// the same.
std::string RangeKey(const functions::TimeRange& range, int64_t now, absl::Duration time_to_live);

// Blanks outside quotes do not matter.
std::string NormalisedTarget(absl::string_view target);

// Of one fetch with the request's xFilesFactor.
std::string FetchKey(const functions::Fetch& fetch, double x_files_factor);

}  // namespace plumbago::query
