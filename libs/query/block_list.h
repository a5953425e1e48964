// Queries that an operator refuses for a while: by what they ask for, or by a header.
//
// A rule has a regular expression (RE2, found anywhere) over the targets and patterns of a query,
// or over the value of one header, such as X-Dashboard-Uid or User-Agent; for one tenant or all;
// and an end. Rules are in memory: a restart forgets them, and each query service has its own.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace plumbago::query {

struct BlockRule {
  uint64_t id = 0;           // given by the list
  std::string tenant = {};   // empty: every one
  std::string header = {};   // its name; empty: targets and patterns
  std::string pattern = {};  // of RE2
  std::string note = {};     // shown to those who are refused
  absl::Time until = {};
  uint64_t refused_count = 0;
};

// What rules look at.
struct BlockSubject {
  const std::string& tenant;
  const std::vector<std::string>& texts;
  std::function<absl::string_view(absl::string_view name)> header;  // empty: not there
};

class BlockList {
 public:
  static constexpr size_t kRulesMax = 64;
  static constexpr size_t kTextBytesMax = 1024;  // of pattern, header or note
  static constexpr absl::Duration kTimeMax = absl::Hours(24 * 30);

  explicit BlockList(base::Clock& clock) : clock_(clock) {}  // must outlive the list

  // Returns the rule with its id. InvalidArgument: a text or the end; ResourceExhausted: too many.
  absl::StatusOr<BlockRule> Add(BlockRule rule);
  absl::Status Remove(uint64_t id);  // NotFound
  // Those that hold, by id.
  std::vector<BlockRule> List();

  // PermissionDenied, naming the rule, its end and its note.
  absl::Status Check(const BlockSubject& subject);

 private:
  struct Compiled;
  using Rules = std::vector<std::shared_ptr<Compiled>>;  // shared with checks under way

  Rules Holding() ABSL_LOCKS_EXCLUDED(mutex_);

  base::Clock& clock_;
  base::Mutex mutex_;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  Rules rules_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::query
