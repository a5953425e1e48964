// The series of one tenant in memory: dotted names in a tree, tagged ones by their tags.
#pragma once

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/shared_mutex.h"
#include "index/internal/name_tree.h"
#include "index/internal/tag_index.h"
#include "index/series_info.h"

namespace plumbago::index::internal {

// Where the files of tagged series are, and what usage calls them together.
inline constexpr absl::string_view kTaggedBranch = "_tagged";

inline bool IsTagged(absl::string_view metric) { return absl::StrContains(metric, ';'); }

struct Tenant {
  // Orders changes, so that what is durable and what is visible agree; held while the KeyValue
  // writes. Taken before `mutex`.
  base::Mutex change_mutex ABSL_ACQUIRED_BEFORE(mutex);

  mutable base::SharedMutex mutex;
  NameTree tree ABSL_GUARDED_BY(mutex);
  TagIndex tagged ABSL_GUARDED_BY(mutex);

  bool Contains(absl::string_view metric) const ABSL_SHARED_LOCKS_REQUIRED(mutex) {
    return IsTagged(metric) ? tagged.Contains(metric) : tree.Contains(metric);
  }
  std::optional<SeriesInfo> Get(absl::string_view metric) const ABSL_SHARED_LOCKS_REQUIRED(mutex) {
    return IsTagged(metric) ? tagged.Get(metric) : tree.Get(metric);
  }
  bool Add(absl::string_view metric, const SeriesInfo& info) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return IsTagged(metric) ? tagged.Add(metric, info) : tree.Add(metric, info);
  }
  bool Remove(absl::string_view metric) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return IsTagged(metric) ? tagged.Remove(metric) : tree.Remove(metric);
  }
  bool Update(absl::string_view metric, const SeriesInfo& info)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return IsTagged(metric) ? tagged.Update(metric, info) : tree.Update(metric, info);
  }

  // Of everything for an empty prefix, of tagged series for kTaggedBranch, of one series for its
  // tagged name, else of the node.
  Usage UsageOf(absl::string_view prefix) const ABSL_SHARED_LOCKS_REQUIRED(mutex);
  // Whether UsageOf is quick; Settle makes it so.
  bool IsSettled(absl::string_view prefix) const ABSL_SHARED_LOCKS_REQUIRED(mutex);
  void Settle(absl::string_view prefix) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  // Within a long search of a reader: what was read before may not be as it was.
  void LetWritersPass() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
    mutex.ReaderUnlock();
    mutex.ReaderLock();
  }

  // For use within lambdas, into which the analysis of locks does not follow.
  const NameTree& locked_tree() const ABSL_SHARED_LOCKS_REQUIRED(mutex) { return tree; }
  const TagIndex& locked_tags() const ABSL_SHARED_LOCKS_REQUIRED(mutex) { return tagged; }

  bool is_empty() const ABSL_SHARED_LOCKS_REQUIRED(mutex) {
    return tagged.is_empty() && !tree.IsBranch(NameTree::kRoot);
  }
};

}  // namespace plumbago::index::internal
