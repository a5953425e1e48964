// Lists of maps in binary form, with the keys and types of graphite-web's TimeSeries.getInfo().
#include <cmath>
#include <cstdint>

#include "query/internal/object_writers.h"
#include "query/internal/series_encoder.h"

namespace plumbago::query::internal {
namespace {

using functions::Series;
using functions::SeriesList;

template <typename Writer>
class ObjectEncoder final : public SeriesEncoder {
 public:
  void Begin(const SeriesList& list, std::string& out) override { Writer::Begin(list.size(), out); }
  bool HasPlace(const Series&) const override { return true; }
  size_t PointCount(const Series& series) const override { return series.values.size(); }
  void BeginSeries(const Series& series, std::string& out) override {
    Writer::BeginMap(9, out);
    AppendText("name", series.name, out);
    AppendInteger("start", series.start, out);
    AppendInteger("end", series.end, out);
    AppendInteger("step", series.step, out);
    AppendText("pathExpression", series.path_expression, out);
    AppendInteger("valuesPerPoint", 1, out);
    AppendText("consolidationFunc", ConsolidationWord(series.consolidation), out);
    Writer::Text("xFilesFactor", out);
    Writer::Float(series.x_files_factor, out);
    Writer::Text("values", out);
    Writer::BeginValues(series.values.size(), out);
  }
  void AppendPoints(const Series& series, size_t first, size_t last, std::string& out) override {
    for (size_t i = first; i < last; ++i) {
      const double value = series.values[i];
      if (std::isnan(value)) {
        Writer::Null(out);
      } else if (IsInteger(series, value)) {
        Writer::Integer(static_cast<int64_t>(value), out);
      } else {
        Writer::Float(value, out);
      }
    }
  }
  void EndSeries(std::string& out) override {
    Writer::EndValues(out);
    Writer::EndMap(out);
  }
  void End(std::string& out) override { Writer::End(out); }

 private:
  static void AppendText(absl::string_view key, absl::string_view value, std::string& out) {
    Writer::Text(key, out);
    Writer::Text(value, out);
  }
  static void AppendInteger(absl::string_view key, int64_t value, std::string& out) {
    Writer::Text(key, out);
    Writer::Integer(value, out);
  }
};

}  // namespace

std::unique_ptr<SeriesEncoder> MakePickleEncoder() {
  return std::make_unique<ObjectEncoder<PickleWriter>>();
}

std::unique_ptr<SeriesEncoder> MakeMsgpackEncoder() {
  return std::make_unique<ObjectEncoder<MsgpackWriter>>();
}

}  // namespace plumbago::query::internal
