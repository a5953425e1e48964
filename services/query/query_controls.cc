#include "query_controls.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"

namespace plumbago::query {
namespace {

constexpr size_t kTextBytesMax = 512;
constexpr size_t kTenantsShownMax = 100;

std::string Cut(absl::string_view text) { return std::string(text.substr(0, kTextBytesMax)); }

std::string TextOf(const std::vector<std::string>& texts) {
  std::string text;
  for (const std::string& one : texts) {
    if (text.size() >= kTextBytesMax) break;
    absl::StrAppend(&text, text.empty() ? "" : " ",
                    absl::string_view(one).substr(0, kTextBytesMax));
  }
  return Cut(text);
}

QueryInfo Describe(const http::Request& request, absl::string_view endpoint,
                   const std::vector<std::string>& texts, const std::string& tenant,
                   absl::Time now) {
  QueryInfo info;
  info.tenant = tenant;
  info.endpoint = std::string(endpoint);
  info.text = TextOf(texts);
  // Grafana's proxy mode has the uid in X-Dashboard-Id.
  const absl::string_view uid = request.headers.Get("X-Dashboard-Uid");
  info.dashboard = Cut(uid.empty() ? request.headers.Get("X-Dashboard-Id") : uid);
  info.panel = Cut(request.headers.Get("X-Panel-Id"));
  info.client = request.remote_address;
  info.begin = now;
  return info;
}

// Everything that decides about the series, each part with its length in front.
std::string KeyText(const RenderOptions& render, const std::string& range) {
  std::string key;
  const auto add = [&](absl::string_view part) { absl::StrAppend(&key, part.size(), ":", part); };
  add(range);
  add(render.request.zone.name());
  add(render.now_text);
  const auto& factor = render.request.x_files_factor;
  add(factor.has_value() ? absl::StrCat(*factor) : "");
  for (const auto& [name, value] : render.request.template_values) {
    add(name);
    add(value);
  }
  add("targets");
  for (const std::string& target : render.request.targets) add(NormalisedTarget(target));
  return key;
}

}  // namespace

QueryControls::QueryControls(const ControlOptions& options, base::Clock& clock,
                             base::Metrics& metrics)
    : clock_(clock),
      metrics_(metrics),
      governor_(options.governor, clock),
      blocks_(clock),
      coalescer_(clock),
      cache_(options.result_cache_bytes, clock),
      slow_log_(options.slow_query_threshold, clock),
      slow_count_(metrics.AddCounter("plumbago_query_slow_total",
                                     "Requests that took --slow-query-threshold or longer")),
      shared_count_(metrics.AddCounter("plumbago_query_shared_total",
                                       "Renders that took the result of an equal one under way")),
      hook_(metrics.BeforeScrape([this] { Show(); })) {}

void QueryControls::Refuse(const char* reason) {
  metrics_
      .AddCounter("plumbago_query_refused_total", "Requests that were not let in, or ended",
                  {{"reason", reason}})
      .Increment();
}

void QueryControls::Show() {
  const auto set = [this](const char* name, const char* help, auto value,
                          const base::Labels& labels = {}) {
    metrics_.AddGauge(name, help, labels).Set(static_cast<double>(value));
  };
  const Governor::Usage queries = governor_.usage();
  const char* const help = "Requests for data that are here";
  set("plumbago_query_requests_present", help, queries.running_count, {{"state", "running"}});
  set("plumbago_query_requests_present", help, queries.waiting_count, {{"state", "waiting"}});
  const ResultCache::Usage cache = cache_.usage();
  set("plumbago_query_cache_bytes", "Memory of the result cache", cache.bytes);
  set("plumbago_query_cache_entries", "Results in the cache", cache.entry_count);
  set("plumbago_query_cache_evictions", "Results that gave way to others", cache.evicted_count);
  const char* const levels[] = {"answer", "fetch"};
  for (size_t i = 0; i < 2; ++i) {
    set("plumbago_query_cache_hits", "Look-ups that found a result", cache.hit_count[i],
        {{"level", levels[i]}});
    set("plumbago_query_cache_misses", "Look-ups that found none", cache.miss_count[i],
        {{"level", levels[i]}});
  }
}

base::Histogram& QueryControls::SecondsOf(const std::string& tenant) {
  const auto add = [this](const std::string& label) {
    return &metrics_.AddHistogram("plumbago_query_tenant_seconds",
                                  "Time of requests for data by tenant (the first 100, then other)",
                                  {0.01, 0.05, 0.25, 1, 5, 25}, {{"tenant", label}});
  };
  base::MutexLock lock(mutex_);
  const auto known = seconds_.find(tenant);
  if (known != seconds_.end()) return *known->second;
  if (seconds_.size() >= kTenantsShownMax) return *add("other");
  return *seconds_.emplace(tenant, add(tenant)).first->second;
}

absl::StatusOr<std::unique_ptr<GovernedQuery>> GovernedQuery::Begin(
    QueryControls& controls, const http::Request& request, absl::string_view endpoint,
    const std::vector<std::string>& texts, std::optional<uint64_t> tenant_running_max,
    RequestContext& context) {
  auto visit = controls.governor_.Enter(context.tenant, tenant_running_max);
  if (!visit.ok()) {
    controls.Refuse("too_many_requests");
    return visit.status();
  }
  const absl::Status allowed = controls.blocks_.Check(
      {context.tenant, texts, [&](absl::string_view name) { return request.headers.Get(name); }});
  if (!allowed.ok()) {
    controls.Refuse("blocked");
    return allowed;
  }
  auto entry = controls.queries_.Add(
      Describe(request, endpoint, texts, context.tenant, controls.clock_.Now()),
      request.cancellation);
  context.cancellation = entry->cancellation();
  return std::unique_ptr<GovernedQuery>(
      new GovernedQuery(controls, *std::move(visit), std::move(entry)));
}

absl::Status GovernedQuery::WaitForPlace(const RequestContext& context) {
  const absl::Duration begin = controls_.clock_.Monotonic();
  const absl::Status status = visit_->WaitForPlace(context.deadline, context.cancellation);
  report_.waiting += controls_.clock_.Monotonic() - begin;
  if (base::ReasonOf(status) == kTooManyQueries) controls_.Refuse("no_place_in_time");
  if (status.ok()) entry_->SetState(QueryState::kRunning);
  return status;
}

absl::StatusOr<GovernedQuery::Shared> GovernedQuery::Render(const Engine& engine,
                                                            const RequestContext& context,
                                                            const RenderOptions& render) {
  const functions::TimeRange& range = render.request.range;
  const absl::Duration time = TimeToLive(range, context.now, render.cache_seconds);
  const bool is_cached = controls_.cache_.is_on() && time > absl::ZeroDuration();
  const ResultCache::Key key{ResultCache::Level::kAnswer, context.tenant,
                             KeyText(render, RangeKey(range, context.now, time))};
  if (is_cached) {
    cache_outcome_ = "hit";
    if (ResultCache::Result known = controls_.cache_.Find(key)) {
      answered_ = controls_.clock_.Monotonic();
      return std::make_shared<const RenderAnswer>(RenderAnswer{*known, {}});
    }
    cache_outcome_ = "miss";
  }
  // Who does not want what is cached does not want what was begun before either.
  if (time <= absl::ZeroDuration()) return Evaluate(engine, context, render, time);
  entry_->SetState(QueryState::kSharing);
  const std::string flight =
      absl::StrCat(context.tenant, "/", range.from, "-", range.until, "/", KeyText(render, ""));
  const absl::Duration begin = controls_.clock_.Monotonic();
  const auto outcome = controls_.coalescer_.Run(
      flight, {context.deadline, context.cancellation}, [&](const auto& cancellation) {
        RequestContext own = context;
        own.cancellation = cancellation;
        return Evaluate(engine, std::move(own), render, time);
      });
  if (outcome.is_shared) {
    cache_outcome_ = "shared";
    controls_.shared_count_.Increment();
    answered_ = controls_.clock_.Monotonic();
    report_.waiting += answered_ - begin;
  } else if (is_cached && outcome.result.ok() && (*outcome.result)->notes.IsComplete()) {
    const Shared& answer = *outcome.result;
    controls_.cache_.Add(key, ResultCache::Result(answer, &answer->series), time);
  }
  return outcome.result;
}

absl::StatusOr<GovernedQuery::Shared> GovernedQuery::Evaluate(const Engine& engine,
                                                              RequestContext context,
                                                              const RenderOptions& render,
                                                              absl::Duration cache_time) {
  PLUMBAGO_RETURN_IF_ERROR(WaitForPlace(context));
  if (controls_.cache_.is_on() && cache_time > absl::ZeroDuration()) {
    context.fetch_cache = &controls_.cache_;
    context.cache_time = cache_time;
  }
  was_evaluated_ = true;
  auto answer = engine.Render(context, render.request);
  answered_ = controls_.clock_.Monotonic();
  PLUMBAGO_RETURN_IF_ERROR(answer.status());
  // Shards whose calls were cancelled may look like missing ones.
  if (context.cancellation->IsCancelled()) return absl::CancelledError("the query was cancelled");
  Note(answer->notes);
  return std::make_shared<const RenderAnswer>(*std::move(answer));
}

void GovernedQuery::Note(const AnswerNotes& notes) {
  report_.phases = notes.times;
  report_.series_count = notes.series_count;
  report_.point_count = notes.point_count;
}

absl::StatusOr<http::Response> GovernedQuery::End(absl::StatusOr<http::Response> answer,
                                                  int http_status) {
  if (!answer.ok()) {
    if (const absl::Status killed = entry_->CheckKilled(); !killed.ok()) {
      controls_.Refuse("killed");
      answer = killed;
      http_status = 503;
    }
  }
  report_.http_status = http_status;
  if (answer.ok()) report_.bytes = answer->body.size();
  return answer;
}

GovernedQuery::~GovernedQuery() {
  const absl::Duration end = controls_.clock_.Monotonic();
  report_.total = end - begin_;
  if (answered_ > begin_) report_.encoding = end - answered_;
  controls_.SecondsOf(entry_->info().tenant).Observe(absl::ToDoubleSeconds(report_.total));
  if (!controls_.slow_log_.IsSlow(report_)) return;
  controls_.slow_count_.Increment();
  const auto line = controls_.slow_log_.LineOf(entry_->info(), report_);
  if (line.has_value()) base::LogWarning(*line);
}

}  // namespace plumbago::query
