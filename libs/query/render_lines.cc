// Formats of lines: csv and raw.
#include <cmath>

#include "absl/strings/str_replace.h"
#include "functions/text.h"
#include "query/internal/series_encoder.h"

namespace plumbago::query::internal {
namespace {

using functions::Series;
using functions::SeriesList;

// As Python's csv module with minimal quoting.
std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return "\"" + absl::StrReplaceAll(text, {{"\"", "\"\""}}) + "\"";
}

class CsvEncoder final : public SeriesEncoder {
 public:
  explicit CsvEncoder(absl::TimeZone zone) : zone_(zone) {}

  void Begin(const SeriesList&, std::string&) override {}
  bool HasPlace(const Series&) const override { return true; }
  size_t PointCount(const Series& series) const override { return series.values.size(); }
  void BeginSeries(const Series& series, std::string&) override { name_ = CsvField(series.name); }
  void AppendPoints(const Series& series, size_t first, size_t last, std::string& out) override {
    for (size_t i = first; i < last; ++i) {
      const int64_t time = series.start + static_cast<int64_t>(i) * series.step;
      out += name_;
      out += ',';
      out += absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time), zone_);
      out += ',';
      if (!std::isnan(series.values[i])) AppendNumber(series, series.values[i], out);
      out += "\r\n";
    }
  }
  void EndSeries(std::string&) override {}
  void End(std::string&) override {}

 private:
  const absl::TimeZone zone_;
  std::string name_;
};

class RawEncoder final : public SeriesEncoder {
 public:
  void Begin(const SeriesList&, std::string&) override {}
  bool HasPlace(const Series&) const override { return true; }
  size_t PointCount(const Series& series) const override { return series.values.size(); }
  void BeginSeries(const Series& series, std::string& out) override {
    out += series.name;
    for (const int64_t number : {series.start, series.end, series.step}) {
      out += ',';
      functions::AppendInteger(number, out);
    }
    out += '|';
  }
  void AppendPoints(const Series& series, size_t first, size_t last, std::string& out) override {
    for (size_t i = first; i < last; ++i) {
      if (i > 0) out += ',';
      if (std::isnan(series.values[i])) {
        out += "None";
      } else {
        AppendNumber(series, series.values[i], out);
      }
    }
  }
  void EndSeries(std::string& out) override { out += '\n'; }
  void End(std::string&) override {}
};

}  // namespace

std::unique_ptr<SeriesEncoder> MakeCsvEncoder(absl::TimeZone zone) {
  return std::make_unique<CsvEncoder>(zone);
}

std::unique_ptr<SeriesEncoder> MakeRawEncoder() { return std::make_unique<RawEncoder>(); }

}  // namespace plumbago::query::internal
