// What stands between HTTP requests and the engine: who may run when, what operators refuse or end,
// what equal requests share, and what is said about slow ones.
//
// QueryControls is what all requests have in common, thread-safe. A GovernedQuery is one request
// for data from its entry to its record; it belongs to one thread and blocks it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "http/message.h"
#include "query/block_list.h"
#include "query/coalescer.h"
#include "query/engine.h"
#include "query/governor.h"
#include "query/query_registry.h"
#include "query/result_cache.h"
#include "query/slow_query_log.h"
#include "render_parameters.h"

namespace plumbago::query {

struct ControlOptions {
  GovernorOptions governor = {};
  size_t result_cache_bytes = 0;
  absl::Duration slow_query_threshold = absl::Seconds(1);
};

class QueryControls {
 public:
  // Both must outlive the controls.
  QueryControls(const ControlOptions& options, base::Clock& clock, base::Metrics& metrics);

  QueryRegistry& queries() { return queries_; }
  BlockList& blocks() { return blocks_; }

 private:
  friend class GovernedQuery;

  void Refuse(const char* reason);
  void Show();
  // The histogram of the tenant, or of "other" once there are many.
  base::Histogram& SecondsOf(const std::string& tenant);

  base::Clock& clock_;
  base::Metrics& metrics_;
  Governor governor_;
  QueryRegistry queries_;
  BlockList blocks_;
  Coalescer<RenderAnswer> coalescer_;
  ResultCache cache_;
  SlowQueryLog slow_log_;
  base::Counter& slow_count_;
  base::Counter& shared_count_;
  base::Mutex mutex_;
  std::map<std::string, base::Histogram*> seconds_ ABSL_GUARDED_BY(mutex_);  // by tenant
  std::unique_ptr<base::Metrics::ScrapeHook> hook_;
};

class GovernedQuery {
 public:
  // Lets the request in, or refuses it: ResourceExhausted with kTooManyQueries, PermissionDenied (a
  // rule of an operator). `texts` are its targets or patterns. From now on `context` is cancelled
  // when an operator ends the query.
  static absl::StatusOr<std::unique_ptr<GovernedQuery>> Begin(
      QueryControls& controls, const http::Request& request, absl::string_view endpoint,
      const std::vector<std::string>& texts, std::optional<uint64_t> tenant_running_max,
      RequestContext& context);
  ~GovernedQuery();
  GovernedQuery(const GovernedQuery&) = delete;
  GovernedQuery& operator=(const GovernedQuery&) = delete;

  // Returns when the query may run; see Governor::Visit.
  absl::Status WaitForPlace(const RequestContext& context);

  // The answer: from the cache, of an equal request under way, or of the engine. Hold it as long as
  // its series or copies of them are used (see ResultCache).
  absl::StatusOr<std::shared_ptr<const RenderAnswer>> Render(const Engine& engine,
                                                             const RequestContext& context,
                                                             const RenderOptions& render);
  // hit, shared or miss; empty: nothing was looked for in the cache.
  const char* cache_outcome() const { return cache_outcome_; }
  bool was_evaluated() const { return was_evaluated_; }  // by this request

  // What became of it: the operator's word where one ended it.
  absl::StatusOr<http::Response> End(absl::StatusOr<http::Response> answer, int http_status);

 private:
  GovernedQuery(QueryControls& controls, std::unique_ptr<Governor::Visit> visit,
                std::unique_ptr<QueryRegistry::Entry> entry)
      : controls_(controls), visit_(std::move(visit)), entry_(std::move(entry)) {}

  using Shared = std::shared_ptr<const RenderAnswer>;
  absl::StatusOr<Shared> Evaluate(const Engine& engine, RequestContext context,
                                  const RenderOptions& render, absl::Duration cache_time);
  void Note(const AnswerNotes& notes);

  QueryControls& controls_;
  const std::unique_ptr<Governor::Visit> visit_;
  const std::unique_ptr<QueryRegistry::Entry> entry_;
  const absl::Duration begin_ = controls_.clock_.Monotonic();
  absl::Duration answered_ = begin_;  // when the series were there
  const char* cache_outcome_ = "";
  bool was_evaluated_ = false;
  QueryReport report_;
};

}  // namespace plumbago::query
