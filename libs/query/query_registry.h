// The queries that are here at the moment, for operators who look at them and end them.
//
// As many as the HTTP server lets in; texts are cut. Thread-safe. A query that is killed has its
// cancellation cancelled, as if its client had gone, and says who did it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "base/mutex.h"

namespace plumbago::query {

enum class QueryState {
  kWaiting,  // for a place to run
  kRunning,
  kSharing,  // waits for the result of an equal query
  kSending,  // or about to
};
const char* QueryStateName(QueryState state);

struct QueryInfo {
  uint64_t id = 0;  // given by the registry; grows
  std::string tenant = {};
  std::string endpoint = {};
  std::string text = {};       // an excerpt of its targets or patterns
  std::string dashboard = {};  // as Grafana names them; empty: not said
  std::string panel = {};
  std::string client = {};  // address
  absl::Time begin = {};
  QueryState state = QueryState::kWaiting;
};

class QueryRegistry {
 public:
  // One query while it is here. One thread, but for what the registry does.
  class Entry {
   public:
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    const QueryInfo& info() const { return info_; }  // but for the state
    void SetState(QueryState state) { state_.store(state, std::memory_order_relaxed); }
    // Cancelled with that of the request, or when the query is killed. Shared with its calls.
    const std::shared_ptr<base::Cancellation>& cancellation() const { return cancellation_; }
    // Unavailable, with the reason kKilled, once the query was killed.
    absl::Status CheckKilled() const;

   private:
    friend class QueryRegistry;
    Entry(QueryRegistry& registry, QueryInfo info, std::shared_ptr<base::Cancellation> parent);

    QueryRegistry& registry_;
    const QueryInfo info_;
    const std::shared_ptr<base::Cancellation> parent_;  // of the request; may be null
    const std::shared_ptr<base::Cancellation> cancellation_ =
        std::make_shared<base::Cancellation>();
    uint64_t parent_callback_ = 0;
    std::atomic<QueryState> state_{QueryState::kWaiting};
    std::atomic<bool> is_killed_{false};
  };

  // base::ReasonOf() of CheckKilled.
  static constexpr absl::string_view kKilled = "killed";

  // `parent` may be null. The registry must outlive its entries.
  std::unique_ptr<Entry> Add(QueryInfo info, std::shared_ptr<base::Cancellation> parent);

  // In the order of their ids.
  std::vector<QueryInfo> List() const;
  // NotFound: it is not here (any more).
  absl::Status Kill(uint64_t id);

 private:
  mutable base::Mutex mutex_;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Entry*> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::query
