#include "query/event_reader.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "base/status.h"
#include "functions/parser.h"

namespace plumbago::query {
namespace {

// No path can begin like this.
constexpr absl::string_view kCall = "events(";
constexpr int64_t kSecond = 1'000'000;  // in microseconds

absl::StatusOr<v1::FindEventsRequest> RequestOf(const functions::Fetch& fetch) {
  PLUMBAGO_ASSIGN_OR_RETURN(const functions::Expression call,
                            functions::ParseTarget(fetch.pattern));
  v1::FindEventsRequest request;
  request.set_from_unix_us(fetch.range.from * kSecond);
  // The last second is no longer in the series, though graphite-web asks for events in it.
  request.set_until_unix_us(fetch.range.until * kSecond - 1);
  for (const functions::Argument& argument : call.arguments) request.add_tag(argument.value.text);
  const bool is_all = request.tag_size() == 1 && request.tag(0) == "*";
  request.set_has_tags(!is_all);
  if (is_all) request.clear_tag();
  return request;
}

// As graphite-web's render/functions.py has it: null where there is no event.
functions::Series SeriesOf(const functions::Fetch& fetch, const std::vector<v1::Event>& events) {
  const int64_t from = fetch.range.from;
  const int64_t count = fetch.range.until - from;
  std::vector<double> values(static_cast<size_t>(count), std::numeric_limits<double>::quiet_NaN());
  for (const v1::Event& event : events) {
    const int64_t offset = event.when_unix_us() / kSecond - from;
    if (offset < 0 || offset >= count) continue;
    double& value = values[static_cast<size_t>(offset)];
    value = std::isnan(value) ? 1 : value + 1;
  }
  functions::Series series =
      functions::MakeSeries(fetch.pattern, from, fetch.range.until, 1, std::move(values));
  series.consolidation = functions::Consolidation::kSum;
  series.has_integer_values = true;
  return series;
}

}  // namespace

absl::StatusOr<std::vector<functions::Fetch>> EventReader::Read(
    const std::vector<functions::Fetch>& fetches, double x_files_factor,
    functions::FetchedData& data) {
  std::vector<functions::Fetch> others;
  for (const functions::Fetch& fetch : fetches) {
    if (!absl::StartsWith(fetch.pattern, kCall)) {
      others.push_back(fetch);
      continue;
    }
    PLUMBAGO_ASSIGN_OR_RETURN(functions::Series series, ReadOne(fetch));
    series.x_files_factor = x_files_factor;
    data.Add(fetch, {std::move(series)});
  }
  return others;
}

absl::StatusOr<functions::Series> EventReader::ReadOne(const functions::Fetch& fetch) {
  if (source_ == nullptr) return absl::InvalidArgumentError("there are no events here");
  PLUMBAGO_ASSIGN_OR_RETURN(v1::FindEventsRequest request, RequestOf(fetch));
  request.set_tenant(fanout_.request.tenant);
  const ShardCall call = fanout_.MakeCall();
  const auto events = source_->Find({call.deadline, call.cancellation}, request);
  if (events.ok()) return SeriesOf(fetch, *events);
  if (absl::IsCancelled(events.status())) return events.status();
  if (missing_.empty()) {
    missing_.push_back({"events", base::Excerpt(std::string(events.status().message()))});
  }
  return SeriesOf(fetch, {});
}

}  // namespace plumbago::query
