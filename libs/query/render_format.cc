#include "query/render_format.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "functions/number_text.h"
#include "functions/text.h"
#include "query/internal/series_encoder.h"

namespace plumbago::query {
namespace {

using functions::Series;
using functions::SeriesList;
using internal::SeriesEncoder;

// Between two looks at the size of a part.
constexpr size_t kPointsAtOnce = 2048;

class SeriesStream : public RenderStream {
 public:
  SeriesStream(std::unique_ptr<SeriesEncoder> encoder, SeriesList list)
      : encoder_(std::move(encoder)), list_(std::move(list)) {}

  bool Next(std::string& part) override {
    if (!has_begun_) encoder_->Begin(list_, part);
    has_begun_ = true;
    while (next_series_ < list_.size()) {
      if (part.size() >= kPartBytes) return true;
      AppendSome(list_[next_series_], part);
    }
    encoder_->End(part);
    return false;
  }

 private:
  void AppendSome(const Series& series, std::string& part) {
    if (next_point_ == 0) {
      if (!encoder_->HasPlace(series)) return EndSeries();
      encoder_->BeginSeries(series, part);
    }
    const size_t count = encoder_->PointCount(series);
    const size_t last = std::min(count, next_point_ + kPointsAtOnce);
    encoder_->AppendPoints(series, next_point_, last, part);
    next_point_ = last;
    if (last < count) return;
    encoder_->EndSeries(part);
    EndSeries();
  }

  // Its points are not needed any more.
  void EndSeries() {
    list_[next_series_].values = functions::Column();
    ++next_series_;
    next_point_ = 0;
  }

  const std::unique_ptr<SeriesEncoder> encoder_;
  SeriesList list_;
  bool has_begun_ = false;
  size_t next_series_ = 0;
  size_t next_point_ = 0;
};

std::unique_ptr<SeriesEncoder> MakeEncoder(RenderFormat format, const EncodeOptions& options) {
  switch (format) {
    case RenderFormat::kJson:
      return internal::MakeJsonEncoder(options.null_points);
    case RenderFormat::kCsv:
      return internal::MakeCsvEncoder(options.zone);
    case RenderFormat::kRaw:
      return internal::MakeRawEncoder();
    case RenderFormat::kRickshaw:
      return internal::MakeRickshawEncoder();
    case RenderFormat::kPickle:
      return internal::MakePickleEncoder();
    case RenderFormat::kMsgpack:
      return internal::MakeMsgpackEncoder();
    case RenderFormat::kProtobufV2:
      return internal::MakeProtobufV2Encoder();
    case RenderFormat::kProtobufV3:
      return internal::MakeProtobufV3Encoder(options.range);
    case RenderFormat::kDygraph:
    case RenderFormat::kPng:
    case RenderFormat::kSvg:
    case RenderFormat::kPdf:
      break;
  }
  return nullptr;
}

}  // namespace

namespace internal {

bool IsInteger(const Series& series, double value) {
  // Integers beyond 2^53 have lost digits anyway and would overflow the conversion.
  return series.has_integer_values && std::fabs(value) < 9e15;
}

void AppendNumber(const Series& series, double value, std::string& out) {
  if (IsInteger(series, value)) {
    functions::AppendInteger(static_cast<int64_t>(value), out);
  } else {
    functions::AppendPythonFloat(value, out);
  }
}

char* WriteJsonNumber(const Series& series, double value, char* out) {
  if (!std::isfinite(value)) return std::copy_n("null", 4, out);
  if (IsInteger(series, value)) {
    return functions::WriteInteger(static_cast<int64_t>(value), out);
  }
  return functions::WritePythonFloat(value, out);
}

void AppendJsonNumber(const Series& series, double value, std::string& out) {
  char buffer[functions::kNumberBytesMax];
  out.append(buffer, static_cast<size_t>(WriteJsonNumber(series, value, buffer) - buffer));
}

absl::string_view ConsolidationWord(functions::Consolidation consolidation) {
  switch (consolidation) {
    case functions::Consolidation::kAverage:
      return "average";
    case functions::Consolidation::kAverageZero:
      return "avg_zero";
    case functions::Consolidation::kSum:
      return "sum";
    case functions::Consolidation::kMinimum:
      return "min";
    case functions::Consolidation::kMaximum:
      return "max";
    case functions::Consolidation::kFirst:
      return "first";
    case functions::Consolidation::kLast:
      return "last";
  }
  return "average";
}

}  // namespace internal

std::unique_ptr<RenderStream> MakeRenderStream(RenderFormat format, SeriesList list,
                                               const EncodeOptions& options) {
  if (format == RenderFormat::kDygraph) return internal::MakeDygraphStream(std::move(list));
  auto encoder = MakeEncoder(format, options);
  PLUMBAGO_CHECK(encoder != nullptr);  // pictures are not made of parts
  return std::make_unique<SeriesStream>(std::move(encoder), std::move(list));
}

std::string EncodeWhole(RenderFormat format, SeriesList list, const EncodeOptions& options) {
  const auto stream = MakeRenderStream(format, std::move(list), options);
  std::string whole;
  std::string part;
  bool has_more = true;
  while (has_more) {
    part.clear();
    has_more = stream->Next(part);
    whole += part;
  }
  return whole;
}

}  // namespace plumbago::query
