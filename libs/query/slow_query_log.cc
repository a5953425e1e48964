#include "query/slow_query_log.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::query {
namespace {

int64_t Milliseconds(absl::Duration duration) { return absl::ToInt64Milliseconds(duration); }

// What a client said; an excerpt has no quotes that are not escaped.
std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", base::Excerpt(text), "\"");
}

}  // namespace

std::optional<std::string> SlowQueryLog::LineOf(const QueryInfo& query, const QueryReport& report) {
  if (!IsSlow(report)) return std::nullopt;
  const auto left_out = TakeLine();
  if (!left_out.has_value()) return std::nullopt;
  std::string line = absl::StrCat(
      "slow query id=", query.id, " tenant=", query.tenant, " endpoint=", query.endpoint,
      " status=", report.http_status, " total_ms=", Milliseconds(report.total),
      " wait_ms=", Milliseconds(report.waiting), " expand_ms=", Milliseconds(report.phases.expand),
      " fetch_ms=", Milliseconds(report.phases.fetch));
  absl::StrAppend(&line, " evaluate_ms=", Milliseconds(report.phases.evaluate),
                  " encode_ms=", Milliseconds(report.encoding), " series=", report.series_count,
                  " points=", report.point_count, " bytes=", report.bytes);
  if (!query.dashboard.empty()) absl::StrAppend(&line, " dashboard=", Quoted(query.dashboard));
  if (!query.panel.empty()) absl::StrAppend(&line, " panel=", Quoted(query.panel));
  absl::StrAppend(&line, " client=", Quoted(query.client), " text=", Quoted(query.text));
  if (*left_out > 0) absl::StrAppend(&line, " left_out=", *left_out);
  return line;
}

std::optional<uint64_t> SlowQueryLog::TakeLine() {
  const absl::Duration now = clock_.Monotonic();
  base::MutexLock lock(mutex_);
  if (now - interval_begin_ >= kInterval) {
    interval_begin_ = now;
    line_count_ = 0;
  }
  if (++line_count_ > kLinesMax) {
    ++left_out_count_;
    return std::nullopt;
  }
  return std::exchange(left_out_count_, 0);
}

}  // namespace plumbago::query
