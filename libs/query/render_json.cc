// The kinds of JSON: json, rickshaw, dygraph.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "functions/number_text.h"
#include "functions/text.h"
#include "query/internal/series_encoder.h"

namespace plumbago::query::internal {
namespace {

using functions::AppendInteger;
using functions::AppendJsonString;
using functions::Series;
using functions::SeriesList;

// Points of a series with a time up to `last_time`.
size_t CountUntil(const Series& series, int64_t last_time) {
  if (last_time < series.start) return 0;
  const auto times = static_cast<size_t>((last_time - series.start) / series.step + 1);
  return std::min(times, series.values.size());
}

int64_t TimeOf(const Series& series, size_t index) {
  return series.start + static_cast<int64_t>(index) * series.step;
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

bool HasNumber(const Series& series) {
  return std::any_of(series.values.begin(), series.values.end(),
                     [](double value) { return std::isfinite(value); });
}

// A list of series, each an object that starts with its target.
class TargetListEncoder : public SeriesEncoder {
 public:
  void Begin(const SeriesList&, std::string& out) override { out += '['; }
  bool HasPlace(const Series&) const override { return true; }
  void BeginSeries(const Series& series, std::string& out) override {
    out += is_first_series_ ? "{\"target\":" : ",{\"target\":";
    is_first_series_ = false;
    is_first_point_ = true;
    AppendJsonString(series.name, out);
  }
  void EndSeries(std::string& out) override { out += "]}"; }
  void End(std::string& out) override { out += ']'; }

 protected:
  // Of all but the first point of a series.
  bool NeedsSeparator() { return !std::exchange(is_first_point_, false); }

 private:
  bool is_first_series_ = true;
  bool is_first_point_ = true;
};

class JsonEncoder final : public TargetListEncoder {
 public:
  explicit JsonEncoder(NullPoints null_points) : null_points_(null_points) {}

  void Begin(const SeriesList& list, std::string& out) override {
    TargetListEncoder::Begin(list, out);
    has_points_ = std::any_of(list.begin(), list.end(),
                              [this](const Series& series) { return PointCount(series) > 0; });
  }
  bool HasPlace(const Series& series) const override {
    return has_points_ && (null_points_ == NullPoints::kKeep || HasNumber(series));
  }
  // Values of a series whose end comes before them are not shown; one at the end itself is.
  size_t PointCount(const Series& series) const override { return CountUntil(series, series.end); }
  void BeginSeries(const Series& series, std::string& out) override {
    TargetListEncoder::BeginSeries(series, out);
    out += ",\"tags\":";
    AppendTags(series, out);
    out += ",\"datapoints\":[";
  }
  void AppendPoints(const Series& series, size_t first, size_t last, std::string& out) override {
    // "[value,time]," of some points at a time: into room that is made once.
    constexpr size_t kPointsAtOnce = 256;
    constexpr size_t kPointBytesMax = 2 * functions::kNumberBytesMax + 4;
    if (buffer_ == nullptr) buffer_.reset(new char[kPointsAtOnce * kPointBytesMax]);
    functions::TimeWriter times;
    for (size_t i = first; i < last;) {
      char* end = buffer_.get();
      for (const size_t stop = std::min(last, i + kPointsAtOnce); i < stop; ++i) {
        const double value = series.values[i];
        if (null_points_ == NullPoints::kDrop && !std::isfinite(value)) continue;
        if (NeedsSeparator()) *end++ = ',';
        *end++ = '[';
        end = WriteJsonNumber(series, value, end);
        *end++ = ',';
        end = times.Write(TimeOf(series, i), end);
        *end++ = ']';
      }
      out.append(buffer_.get(), static_cast<size_t>(end - buffer_.get()));
    }
  }

 private:
  const NullPoints null_points_;
  bool has_points_ = false;
  std::unique_ptr<char[]> buffer_;
};

class RickshawEncoder final : public TargetListEncoder {
 public:
  size_t PointCount(const Series& series) const override {
    return CountUntil(series, series.end - 1);
  }
  void BeginSeries(const Series& series, std::string& out) override {
    TargetListEncoder::BeginSeries(series, out);
    out += ",\"datapoints\":[";
  }
  void AppendPoints(const Series& series, size_t first, size_t last, std::string& out) override {
    for (size_t i = first; i < last; ++i) {
      if (NeedsSeparator()) out += ',';
      out += "{\"x\":";
      AppendInteger(TimeOf(series, i), out);
      out += ",\"y\":";
      AppendJsonNumber(series, series.values[i], out);
      out += '}';
    }
  }
};

// Rows at the times of the first series; the others give what they have at that time.
class DygraphStream final : public RenderStream {
 public:
  explicit DygraphStream(SeriesList list) : list_(std::move(list)) {}

  bool Next(std::string& part) override {
    if (list_.empty()) {
      part += "{}";
      return false;
    }
    if (next_row_ == 0) AppendLabels(part);
    const size_t row_count = CountUntil(list_[0], list_[0].end - 1);
    while (next_row_ < row_count) {
      if (part.size() >= kPartBytes) return true;
      AppendRow(part);
    }
    part += "]}";
    return false;
  }

 private:
  void AppendLabels(std::string& part) const {
    part += "{\"labels\" : [\"Time\"";
    for (const Series& series : list_) {
      part += ", ";
      AppendJsonString(series.name, part);
    }
    part += "], \"data\" : [";
  }

  void AppendRow(std::string& part) {
    const int64_t time = TimeOf(list_[0], next_row_);
    part += next_row_ == 0 ? "[" : ", [";
    AppendInteger(time * 1000, part);
    for (const Series& series : list_) {
      part += ", ";
      AppendJsonNumber(series, ValueAt(series, time), part);
    }
    part += ']';
    ++next_row_;
  }

  static double ValueAt(const Series& series, int64_t time) {
    if (time < series.start) return functions::kNull;
    const auto index = static_cast<size_t>((time - series.start) / series.step);
    return index < series.values.size() ? series.values[index] : functions::kNull;
  }

  const SeriesList list_;
  size_t next_row_ = 0;
};

}  // namespace

std::unique_ptr<SeriesEncoder> MakeJsonEncoder(NullPoints null_points) {
  return std::make_unique<JsonEncoder>(null_points);
}

std::unique_ptr<SeriesEncoder> MakeRickshawEncoder() { return std::make_unique<RickshawEncoder>(); }

std::unique_ptr<RenderStream> MakeDygraphStream(SeriesList list) {
  return std::make_unique<DygraphStream>(std::move(list));
}

}  // namespace plumbago::query::internal
