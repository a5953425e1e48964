// What render functions compute on: series in columns.
//
// A Series is a value. Its points are shared between copies until one of them is changed, so a list
// of series may be copied without copying points. NaN stands for "no value" everywhere. Plain data,
// no locks: one thread per evaluation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace plumbago::functions {

inline constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

// Values that copies share until one of them asks for mutable access.
class Column {
 public:
  Column() : values_(std::make_shared<std::vector<double>>()) {}
  Column(std::vector<double> values)  // NOLINT(google-explicit-constructor): a column is its values
      : values_(std::make_shared<std::vector<double>>(std::move(values))) {}

  size_t size() const { return values_->size(); }
  bool empty() const { return values_->empty(); }
  double operator[](size_t index) const { return (*values_)[index]; }
  const std::vector<double>& get() const { return *values_; }
  const double* begin() const { return values_->data(); }
  const double* end() const { return values_->data() + values_->size(); }

  std::vector<double>& Mutable() {
    if (values_.use_count() > 1) values_ = std::make_shared<std::vector<double>>(*values_);
    return *values_;
  }

 private:
  std::shared_ptr<std::vector<double>> values_;  // shared by copies of one series
};

// Key and value in the order of insertion; a key occurs once.
class Tags {
 public:
  // Replaces the value in place where the key exists, else appends.
  void Set(absl::string_view key, absl::string_view value);
  void Remove(absl::string_view key);
  // Null where absent. Valid until the next change.
  const std::string* Find(absl::string_view key) const;
  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }
  bool operator==(const Tags& other) const { return entries_ == other.entries_; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

// Tags of a series called `name`: those of "metric;key=value;..." with "name" last, or only "name"
// where the text has no tags, malformed ones, or looks like a function call.
Tags TagsOfName(absl::string_view name);

// How points are merged when there are more than can be shown.
enum class Consolidation { kAverage, kAverageZero, kSum, kMinimum, kMaximum, kFirst, kLast };

// The word of consolidateBy ("avg" and "average" alike); false where there is none.
bool ParseConsolidation(absl::string_view text, Consolidation* consolidation);

struct Series {
  std::string name;
  std::string path_expression;  // the part of the target that gave it; name of outer aggregates
  Tags tags;
  int64_t start = 0;  // seconds: time of values[0]
  int64_t end = 0;    // exclusive; kept apart, some functions report another end than values have
  int64_t step = 1;   // seconds, >= 1
  Column values;
  Consolidation consolidation = Consolidation::kAverage;
  double x_files_factor = 0;
  Tags options = {};                // how to draw it: color, alpha, lineWidth, stacked, ...
  bool has_integer_values = false;  // printed without ".0", as Python's int

  // Makes `new_name` the name and the path expression.
  void RenameTo(std::string new_name);
};

using SeriesList = std::vector<Series>;

// A series of `name` whose tags are parsed from it.
Series MakeSeries(std::string name, int64_t start, int64_t end, int64_t step, Column values);

// Runs of `points_per_value` values from the first one on become one value each; a short last run
// is divided by the full width. Null unless there is a value and their share reaches the series'
// xFilesFactor. Start, end and step stay as they are.
std::vector<double> Consolidate(const Series& series, size_t points_per_value);

// What the json format does for maxDataPoints, over all series of an answer: series with more
// points than `points_max` get a larger step and a nudged start (reference: graphite-web
// render/views.py).
void ConsolidateToMaximum(int64_t points_max, SeriesList& list);

}  // namespace plumbago::functions
