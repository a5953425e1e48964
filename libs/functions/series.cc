#include "functions/series.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace plumbago::functions {
namespace {

// graphite-web: ^[a-z]+[(].+[)]$ without case.
bool LooksLikeCall(absl::string_view name) {
  if (name.empty() || name.back() != ')') return false;
  size_t letters = 0;
  while (letters < name.size() && absl::ascii_isalpha(static_cast<unsigned char>(name[letters]))) {
    ++letters;
  }
  return letters > 0 && letters + 2 < name.size() && name[letters] == '(';
}

// State of one run; `Result` is null for a run without values.
class Run {
 public:
  explicit Run(Consolidation consolidation) : consolidation_(consolidation) {}

  void Add(double value) {
    ++point_count_;
    if (std::isnan(value)) return;
    if (value_count_++ == 0) {
      accumulator_ = value;
      return;
    }
    switch (consolidation_) {
      case Consolidation::kAverage:
      case Consolidation::kAverageZero:
      case Consolidation::kSum:
        accumulator_ += value;
        return;
      case Consolidation::kMinimum:
        accumulator_ = std::min(accumulator_, value);
        return;
      case Consolidation::kMaximum:
        accumulator_ = std::max(accumulator_, value);
        return;
      case Consolidation::kFirst:
        return;
      case Consolidation::kLast:
        accumulator_ = value;
        return;
    }
  }

  double Result(size_t width, double x_files_factor) const {
    if (value_count_ == 0) return kNull;
    const auto values = static_cast<double>(value_count_);
    if (values / static_cast<double>(width) < x_files_factor) return kNull;
    if (consolidation_ == Consolidation::kAverage) return accumulator_ / values;
    if (consolidation_ == Consolidation::kAverageZero) {
      return accumulator_ / static_cast<double>(point_count_);
    }
    return accumulator_;
  }

 private:
  const Consolidation consolidation_;
  size_t point_count_ = 0;
  size_t value_count_ = 0;
  double accumulator_ = 0;
};

// An average of integers is none.
bool KeepsIntegers(Consolidation consolidation) {
  return consolidation != Consolidation::kAverage && consolidation != Consolidation::kAverageZero;
}

void ReplaceByRuns(size_t points_per_value, Series& series) {
  if (points_per_value <= 1) return;
  series.values = Consolidate(series, points_per_value);
  series.step *= static_cast<int64_t>(points_per_value);
  series.has_integer_values &= KeepsIntegers(series.consolidation);
}

}  // namespace

void Tags::Set(absl::string_view key, absl::string_view value) {
  for (auto& [existing, current] : entries_) {
    if (existing == key) {
      current = std::string(value);
      return;
    }
  }
  entries_.emplace_back(std::string(key), std::string(value));
}

void Tags::Remove(absl::string_view key) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first == key; });
}

const std::string* Tags::Find(absl::string_view key) const {
  for (const auto& [existing, value] : entries_) {
    if (existing == key) return &value;
  }
  return nullptr;
}

Tags TagsOfName(absl::string_view name) {
  Tags plain;
  plain.Set("name", name);
  if (LooksLikeCall(name) || name.find(';') == absl::string_view::npos) return plain;
  Tags tags;
  const std::vector<absl::string_view> segments = absl::StrSplit(name, ';');
  for (size_t i = 1; i < segments.size(); ++i) {
    const size_t equals = segments[i].find('=');
    if (equals == 0 || equals == absl::string_view::npos) return plain;
    tags.Set(segments[i].substr(0, equals), segments[i].substr(equals + 1));
  }
  tags.Set("name", segments[0]);
  return tags;
}

bool ParseConsolidation(absl::string_view text, Consolidation* consolidation) {
  static constexpr std::pair<const char*, Consolidation> kWords[] = {
      {"average", Consolidation::kAverage},      {"avg", Consolidation::kAverage},
      {"avg_zero", Consolidation::kAverageZero}, {"sum", Consolidation::kSum},
      {"min", Consolidation::kMinimum},          {"max", Consolidation::kMaximum},
      {"first", Consolidation::kFirst},          {"last", Consolidation::kLast}};
  for (const auto& [word, value] : kWords) {
    if (text != word) continue;
    *consolidation = value;
    return true;
  }
  return false;
}

void Series::RenameTo(std::string new_name) {
  path_expression = new_name;
  name = std::move(new_name);
}

Series MakeSeries(std::string name, int64_t start, int64_t end, int64_t step, Column values) {
  Series series;
  series.tags = TagsOfName(name);
  series.path_expression = name;
  series.name = std::move(name);
  series.start = start;
  series.end = end;
  series.step = step;
  series.values = std::move(values);
  return series;
}

std::vector<double> Consolidate(const Series& series, size_t points_per_value) {
  if (points_per_value <= 1) return series.values.get();
  const size_t count = series.values.size();
  std::vector<double> result;
  result.reserve(count / points_per_value + 1);
  for (size_t first = 0; first < count;) {
    const size_t last = count - first < points_per_value ? count : first + points_per_value;
    Run run(series.consolidation);
    for (size_t i = first; i < last; ++i) run.Add(series.values[i]);
    result.push_back(run.Result(points_per_value, series.x_files_factor));
    first = last;
  }
  return result;
}

void ConsolidateToMaximum(int64_t points_max, SeriesList& list) {
  if (list.empty() || points_max <= 0) return;
  int64_t start = list.front().start;
  int64_t end = list.front().end;
  for (const Series& series : list) {
    start = std::min(start, series.start);
    end = std::max(end, series.end);
  }
  for (Series& series : list) {
    if (series.values.empty()) continue;
    if (points_max == 1) {
      ReplaceByRuns(series.values.size(), series);
      continue;
    }
    const double point_count = static_cast<double>(end - start) / static_cast<double>(series.step);
    if (static_cast<double>(points_max) >= point_count) continue;
    const auto width =
        static_cast<int64_t>(std::ceil(point_count / static_cast<double>(points_max)));
    const int64_t wide_step = width * series.step;
    // Aligns the first value to a multiple of the wide step, so that it stays put as time goes on.
    const int64_t nudge = wide_step + series.start % series.step - series.start % wide_step;
    series.start += nudge;
    // One point fewer than the nudge is worth: graphite-web's rule, visible in every bucket.
    const auto drop = std::min(static_cast<size_t>(std::max<int64_t>(nudge / series.step - 1, 0)),
                               series.values.size());
    series.values = std::vector<double>(series.values.begin() + drop, series.values.end());
    ReplaceByRuns(static_cast<size_t>(width), series);
  }
}

}  // namespace plumbago::functions
