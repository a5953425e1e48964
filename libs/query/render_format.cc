#include "query/render_format.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_replace.h"
#include "functions/text.h"

namespace plumbago::query {
namespace {

using functions::AppendInteger;
using functions::AppendJsonString;
using functions::AppendPythonFloat;
using functions::Series;
using functions::SeriesList;

// Values of a series whose end comes before them are not shown; one at the end itself is.
size_t ShownCount(const Series& series) {
  if (series.end < series.start) return 0;
  const auto times = static_cast<size_t>((series.end - series.start) / series.step + 1);
  return std::min(times, series.values.size());
}

void AppendNumber(const Series& series, double value, std::string& out) {
  // Integers beyond 2^53 have lost digits anyway and would overflow the conversion.
  if (series.has_integer_values && std::fabs(value) < 9e15) {
    AppendInteger(static_cast<int64_t>(value), out);
  } else {
    AppendPythonFloat(value, out);
  }
}

void AppendTags(const Series& series, std::string& out) {
  out += '{';
  for (const auto& [key, value] : series.tags.entries()) {
    if (out.back() != '{') out += ',';
    AppendJsonString(key, out);
    out += ':';
    AppendJsonString(value, out);
  }
  out += '}';
}

void AppendDatapoints(const Series& series, NullPoints null_points, std::string& out) {
  out += '[';
  const size_t count = ShownCount(series);
  int64_t time = series.start;
  for (size_t i = 0; i < count; ++i, time += series.step) {
    const double value = series.values[i];
    const bool is_number = std::isfinite(value);
    if (!is_number && null_points == NullPoints::kDrop) continue;
    out += out.back() == '[' ? "[" : ",[";
    if (is_number) {
      AppendNumber(series, value, out);
    } else {
      out += "null";
    }
    out += ',';
    AppendInteger(time, out);
    out += ']';
  }
  out += ']';
}

bool HasNumber(const Series& series) {
  return std::any_of(series.values.begin(), series.values.end(),
                     [](double value) { return std::isfinite(value); });
}

size_t TotalCount(const SeriesList& list) {
  size_t count = 0;
  for (const Series& series : list) count += ShownCount(series);
  return count;
}

// As Python's csv module with minimal quoting.
void AppendCsvField(const std::string& text, std::string& out) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    out += text;
    return;
  }
  out += '"';
  out += absl::StrReplaceAll(text, {{"\"", "\"\""}});
  out += '"';
}

}  // namespace

std::string RenderJson(const SeriesList& list, NullPoints null_points) {
  const size_t point_count = TotalCount(list);
  if (point_count == 0) return "[]";
  std::string out;
  out.reserve(point_count * 24 + list.size() * 256);
  out += '[';
  for (const Series& series : list) {
    if (null_points == NullPoints::kDrop && !HasNumber(series)) continue;
    out += out.size() > 1 ? ",{\"target\":" : "{\"target\":";
    AppendJsonString(series.name, out);
    out += ",\"tags\":";
    AppendTags(series, out);
    out += ",\"datapoints\":";
    AppendDatapoints(series, null_points, out);
    out += '}';
  }
  out += ']';
  return out;
}

std::string RenderCsv(const SeriesList& list, absl::TimeZone zone) {
  std::string out;
  for (const Series& series : list) {
    std::string name;
    AppendCsvField(series.name, name);
    const size_t count = ShownCount(series);
    for (size_t i = 0; i < count; ++i) {
      const int64_t time = series.start + static_cast<int64_t>(i) * series.step;
      out += name;
      out += ',';
      out += absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time), zone);
      out += ',';
      if (!std::isnan(series.values[i])) AppendNumber(series, series.values[i], out);
      out += "\r\n";
    }
  }
  return out;
}

std::string RenderRaw(const SeriesList& list) {
  std::string out;
  for (const Series& series : list) {
    out += series.name;
    for (const int64_t number : {series.start, series.end, series.step}) {
      out += ',';
      AppendInteger(number, out);
    }
    out += '|';
    for (size_t i = 0; i < series.values.size(); ++i) {
      if (i > 0) out += ',';
      if (std::isnan(series.values[i])) {
        out += "None";
      } else {
        AppendNumber(series, series.values[i], out);
      }
    }
    out += '\n';
  }
  return out;
}

}  // namespace plumbago::query
