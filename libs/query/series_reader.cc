#include "query/series_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "query/series_merge.h"

namespace plumbago::query {
namespace {

constexpr size_t kWarningsMax = 20;

std::vector<absl::string_view> SortedKeys(
    const absl::flat_hash_map<absl::string_view, StoredSeries>& merged) {
  std::vector<absl::string_view> keys;
  keys.reserve(merged.size());
  for (const auto& [metric, stored] : merged) keys.push_back(metric);
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace

absl::Status SeriesReader::Read(const std::vector<functions::Fetch>& fetches, double x_files_factor,
                                functions::FetchedData& data) {
  PLUMBAGO_RETURN_IF_ERROR(CountFetches(fetches.size()));
  PLUMBAGO_RETURN_IF_ERROR(Expand(fetches));
  const absl::Duration begin = fanout_.clock.Monotonic();
  std::vector<ReplicaRead::Names> names;
  size_t count = 0;
  for (const functions::Fetch& fetch : fetches) {
    ReplicaRead::Names& list = names.emplace_back();
    for (const FoundName& name : finder_.NamesOf(fetch.pattern)) list.push_back(&name);
    count += list.size();
  }
  PLUMBAGO_RETURN_IF_ERROR(CheckSeries(count));
  series_count_ += count;
  ReplicaRead read(fanout_, ReplicaRead::What::kSeries, points_left());
  PLUMBAGO_RETURN_IF_ERROR(read.Run(fetches, names));
  PLUMBAGO_RETURN_IF_ERROR(CountPoints(read.parts()));
  for (size_t i = 0; i < fetches.size(); ++i) {
    if (fetches[i].lookback_points > 0) {
      AddLookback(fetches[i], i, x_files_factor, read.parts(), data);
    } else {
      data.Add(fetches[i], Assemble(fetches[i], i, x_files_factor, read.parts()));
    }
  }
  fetch_time_ += fanout_.clock.Monotonic() - begin;
  return absl::OkStatus();
}

absl::Status SeriesReader::ReadNames(const std::vector<functions::Fetch>& fetches,
                                     functions::FetchedData& data) {
  PLUMBAGO_RETURN_IF_ERROR(Expand(fetches));
  for (const functions::Fetch& fetch : fetches) {
    const FoundNames& names = finder_.NamesOf(fetch.pattern);
    PLUMBAGO_RETURN_IF_ERROR(CheckSeries(names.size()));
    functions::SeriesList list;
    list.reserve(names.size());
    const functions::Column nothing;  // shared by all
    for (const FoundName& name : names) {
      list.push_back(functions::MakeSeries(name.metric, 0, 0, 1, nothing));
      list.back().path_expression = fetch.pattern;
    }
    data.AddNames(fetch, std::move(list));
  }
  return absl::OkStatus();
}

absl::Status SeriesReader::Reduce(std::vector<functions::Reduction> reductions,
                                  functions::FetchedData& data) {
  PLUMBAGO_RETURN_IF_ERROR(CountFetches(1));
  size_t count = 0;
  for (const functions::Reduction& reduction : reductions) count += reduction.series.size();
  PLUMBAGO_RETURN_IF_ERROR(CheckSeries(count));
  const absl::Duration begin = fanout_.clock.Monotonic();
  PLUMBAGO_RETURN_IF_ERROR(groups_.Reduce(std::move(reductions), points_left(), data));
  fetch_time_ += fanout_.clock.Monotonic() - begin;
  return CheckPoints();
}

absl::Status SeriesReader::Expand(const std::vector<functions::Fetch>& fetches) {
  std::vector<std::string> patterns;
  for (const functions::Fetch& fetch : fetches) patterns.push_back(fetch.pattern);
  const absl::Duration begin = fanout_.clock.Monotonic();
  PLUMBAGO_RETURN_IF_ERROR(finder_.Expand(patterns));
  expand_time_ += fanout_.clock.Monotonic() - begin;
  return absl::OkStatus();
}

absl::Status SeriesReader::CountFetches(size_t count) {
  fetch_count_ += count;
  if (fetch_count_ <= fanout_.limits.fetches_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the query needs ", fetch_count_, " different fetches, more than ",
      fanout_.limits.fetches_max, " (--fetches-per-query-max); ask for fewer targets"));
}

absl::Status SeriesReader::CheckSeries(size_t further_count) const {
  const size_t count = series_count() + further_count;
  if (count <= fanout_.limits.series_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the query reads ", count, " series, more than ", fanout_.limits.series_max,
                   " (", fanout_.limits.series_name, "); use narrower patterns"));
}

absl::Status SeriesReader::CountPoints(const std::vector<ReplicaRead::Part>& parts) {
  for (const ReplicaRead::Part& part : parts) {
    if (!part.stored.status().ok()) continue;
    for (const StoredSeries& series : part.stored.items()) {
      held_point_count_ += static_cast<int64_t>(series.values.size());
    }
  }
  return CheckPoints();
}

absl::Status SeriesReader::CheckPoints() const {
  if (point_count() <= fanout_.limits.points_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the query reads more than ", fanout_.limits.points_max, " points (",
                   fanout_.limits.points_name, "); ask for a shorter range or fewer series"));
}

functions::SeriesList SeriesReader::Assemble(const functions::Fetch& fetch, size_t fetch_index,
                                             double x_files_factor,
                                             std::vector<ReplicaRead::Part>& parts) {
  absl::flat_hash_map<absl::string_view, StoredSeries> merged;
  for (ReplicaRead::Part& part : parts) {
    if (part.fetch_index != fetch_index || !part.stored.status().ok()) continue;
    for (StoredSeries& series : part.stored.items()) {
      if (series.metric_index >= part.metrics->size() || series.step < 1) continue;
      const std::string& metric = (*part.metrics)[series.metric_index];
      if (!series.error.empty()) {
        Warn(metric, series.error);
        continue;
      }
      const auto [entry, is_new] = merged.try_emplace(metric);
      if (is_new) {
        entry->second = std::move(series);
      } else {
        MergeStored(std::move(series), entry->second);
      }
    }
  }
  for (const ReplicaRead::Part& part : parts) {
    if (part.fetch_index != fetch_index || !part.hot.status().ok()) continue;
    for (const HotSeries& hot : part.hot.items()) {
      if (hot.metric_index >= part.metrics->size()) continue;
      // Without a file the step is not known yet; the cache flushes new series first.
      const auto entry = merged.find((*part.metrics)[hot.metric_index]);
      if (entry != merged.end()) MergeHot(hot, entry->second);
    }
  }
  functions::SeriesList list;
  list.reserve(merged.size());
  for (const absl::string_view metric : SortedKeys(merged)) {
    StoredSeries& stored = merged.at(metric);
    const int64_t end = stored.start + static_cast<int64_t>(stored.values.size()) * stored.step;
    functions::Series series = functions::MakeSeries(std::string(metric), stored.start, end,
                                                     stored.step, std::move(stored.values));
    series.path_expression = fetch.pattern;
    series.x_files_factor = x_files_factor;
    list.push_back(std::move(series));
  }
  return list;
}

// A series that has another step where its look back begins, or is of a store that does not look
// back, has only told its step.
void SeriesReader::AddLookback(const functions::Fetch& fetch, size_t fetch_index,
                               double x_files_factor, std::vector<ReplicaRead::Part>& parts,
                               functions::FetchedData& data) {
  int64_t step_min = INT64_MAX;
  int64_t step_max = 0;
  bool have_looked_back = true;
  for (const ReplicaRead::Part& part : parts) {
    if (part.fetch_index != fetch_index || !part.stored.status().ok()) continue;
    for (const StoredSeries& series : part.stored.items()) {
      if (!series.error.empty()) continue;
      const bool has_looked_back = series.lookback_step > 0;
      const int64_t step = has_looked_back ? series.lookback_step : series.step;
      step_min = std::min(step_min, step);
      step_max = std::max(step_max, step);
      have_looked_back &= has_looked_back && series.step == step;
    }
  }
  const bool have_one_step = step_min >= step_max;  // also where there are no series
  std::optional<functions::SeriesList> list;
  if (have_looked_back && have_one_step) {
    list = Assemble(fetch, fetch_index, x_files_factor, parts);
  }
  data.AddLookback(fetch, step_max, std::move(list));
}

void SeriesReader::Warn(absl::string_view metric, absl::string_view error) {
  if (warnings_.size() > kWarningsMax) return;
  warnings_.push_back(warnings_.size() == kWarningsMax
                          ? std::string("further series could not be read")
                          : absl::StrCat(base::Excerpt(metric), ": ", base::Excerpt(error)));
}

}  // namespace plumbago::query
