// carbonapi's MultiFetchResponse of its protocols 2 and 3 (proto/foreign/carbonapi_*.proto).
//
// A repeated message on the wire is one entry after the other, so each series is written as an
// answer of its own; nothing surrounds them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "foreign/carbonapi_v2.pb.h"
#include "foreign/carbonapi_v3.pb.h"
#include "functions/text.h"
#include "query/internal/series_encoder.h"

namespace plumbago::query::internal {
namespace {

using functions::Series;
using functions::SeriesList;

class ProtobufEncoder : public SeriesEncoder {
 public:
  void Begin(const SeriesList&, std::string&) override {}
  bool HasPlace(const Series&) const override { return true; }
  // A message has all values of its series at once.
  size_t PointCount(const Series&) const override { return 0; }
  void AppendPoints(const Series&, size_t, size_t, std::string&) override {}
  void EndSeries(std::string&) override {}
  void End(std::string&) override {}
};

// Protocol 2 has 32 bits for times.
int32_t ToInt32(int64_t value) {
  constexpr int64_t kMin = std::numeric_limits<int32_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max();
  return static_cast<int32_t>(std::clamp(value, kMin, kMax));
}

class V2Encoder final : public ProtobufEncoder {
 public:
  void BeginSeries(const Series& series, std::string& out) override {
    foreign::carbonapi_v2::MultiFetchResponse response;
    auto& metric = *response.add_metrics();
    metric.set_name(functions::ValidUtf8(series.name));
    metric.set_starttime(ToInt32(series.start));
    metric.set_stoptime(ToInt32(series.end));
    metric.set_steptime(ToInt32(series.step));
    for (const double value : series.values) {
      metric.add_values(std::isnan(value) ? 0 : value);
      metric.add_isabsent(std::isnan(value));
    }
    response.AppendToString(&out);
  }
};

class V3Encoder final : public ProtobufEncoder {
 public:
  explicit V3Encoder(const RequestedRange& range) : range_(range) {}

  void BeginSeries(const Series& series, std::string& out) override {
    foreign::carbonapi_v3::MultiFetchResponse response;
    auto& metric = *response.add_metrics();
    metric.set_name(functions::ValidUtf8(series.name));
    metric.set_pathexpression(functions::ValidUtf8(series.path_expression));
    metric.set_consolidationfunc(std::string(ConsolidationWord(series.consolidation)));
    metric.set_starttime(series.start);
    metric.set_stoptime(series.end);
    metric.set_steptime(series.step);
    metric.set_xfilesfactor(static_cast<float>(series.x_files_factor));
    metric.set_requeststarttime(range_.from);
    metric.set_requeststoptime(range_.until);
    metric.mutable_values()->Add(series.values.begin(), series.values.end());
    response.AppendToString(&out);
  }

 private:
  const RequestedRange range_;
};

}  // namespace

std::unique_ptr<SeriesEncoder> MakeProtobufV2Encoder() { return std::make_unique<V2Encoder>(); }

std::unique_ptr<SeriesEncoder> MakeProtobufV3Encoder(const RequestedRange& range) {
  return std::make_unique<V3Encoder>(range);
}

}  // namespace plumbago::query::internal
