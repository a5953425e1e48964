#include "render_answer.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "answer.h"
#include "base/status.h"
#include "graph/graph.h"
#include "query/render_format.h"

namespace plumbago::query {
namespace {

bool IsJson(RenderFormat format) {
  return format == RenderFormat::kJson || format == RenderFormat::kRickshaw ||
         format == RenderFormat::kDygraph;
}

const char* ContentType(RenderFormat format) {
  switch (format) {
    case RenderFormat::kCsv:
      return "text/csv";
    case RenderFormat::kRaw:
      return "text/plain";
    case RenderFormat::kPickle:
      return "application/pickle";
    case RenderFormat::kMsgpack:
      return "application/x-msgpack";
    case RenderFormat::kProtobufV2:
    case RenderFormat::kProtobufV3:
      return "application/x-protobuf";
    case RenderFormat::kPng:
      return "image/png";
    case RenderFormat::kSvg:
      return "image/svg+xml";
    case RenderFormat::kPdf:
      return "application/x-pdf";
    case RenderFormat::kJson:
    case RenderFormat::kDygraph:
    case RenderFormat::kRickshaw:
      return "application/json";
  }
  return "application/octet-stream";
}

// The first part as the body; where there are more, the stream for them.
http::Response Streamed(const char* content_type, std::unique_ptr<RenderStream> stream,
                        std::string prefix, const std::string& suffix) {
  http::Response response;
  response.content_type = content_type;
  response.body = std::move(prefix);
  if (!stream->Next(response.body)) {
    response.body += suffix;
    return response;
  }
  // Shared by the copies that std::function may make; they are used one at a time.
  response.more_parts = [shared = std::shared_ptr<RenderStream>(std::move(stream)),
                         suffix](std::string& part) {
    const bool has_more = shared->Next(part);
    if (!has_more) part += suffix;
    return has_more;
  };
  return response;
}

absl::StatusOr<http::Response> AnswerPicture(const RenderOptions& options,
                                             functions::SeriesList series) {
  http::Response response;
  response.content_type = ContentType(options.format);
  if (!options.pie) {
    PLUMBAGO_ASSIGN_OR_RETURN(response.body,
                              graph::DrawLineGraph(std::move(series), *options.picture));
    return response;
  }
  std::vector<graph::PieSlice> slices = options.pie->slices;
  for (const functions::Series& one : series) {
    slices.push_back(graph::MakePieSlice(one, options.pie->mode));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(response.body, graph::DrawPieGraph(slices, *options.picture));
  return response;
}

// metrictank's envelope, and the origin of each series. Grafana reads it as well as the list alone.
std::string MetaJson(const RenderOptions& options, functions::SeriesList series,
                     const EncodeOptions& encode, const AnswerMeta& meta) {
  std::vector<int64_t> steps;
  for (const functions::Series& one : series) steps.push_back(one.step);
  functions::ConsolidateToMaximum(options.points_max, series);
  size_t point_count = 0;
  std::string list;
  for (size_t i = 0; i < series.size(); ++i) {
    point_count += series[i].values.size();
    const int64_t combined = series[i].step / steps[i];
    const functions::Consolidation consolidation = series[i].consolidation;
    const std::string json = EncodeWhole(options.format, {std::move(series[i])}, encode);
    if (json.size() <= 2) continue;  // nothing is left of it
    // The object without its end, and the list around it.
    absl::StrAppend(&list, list.empty() ? "" : ",",
                    absl::string_view(json).substr(1, json.size() - 3),
                    ",\"meta\":", LineageJson(meta.lineages[i], combined, consolidation), "}");
  }
  const auto milliseconds = [](absl::Duration time) { return absl::ToInt64Milliseconds(time); };
  return absl::StrCat(R"({"version":"v0.1","meta":{"stats":{"executeplan.resolve-series.ms":)",
                      milliseconds(meta.times.expand), R"(,"executeplan.get-targets.ms":)",
                      milliseconds(meta.times.fetch), R"(,"executeplan.plan-run.ms":)",
                      milliseconds(meta.times.evaluate), R"(,"response.series.count":)",
                      series.size(), R"(,"response.points.count":)", point_count,
                      R"(}},"series":[)", list, "]}");
}

}  // namespace

bool WantsMeta(const http::Parameters& parameters, const RenderOptions& options) {
  const std::string meta = parameters.Get("meta");
  return options.format == RenderFormat::kJson && (meta == "true" || meta == "1");
}

absl::StatusOr<http::Response> AnswerRender(const http::Parameters& parameters,
                                            const RenderOptions& options,
                                            functions::SeriesList series,
                                            const std::optional<AnswerMeta>& meta) {
  if (options.picture) return AnswerPicture(options, std::move(series));
  const RenderFormat format = options.format;
  const EncodeOptions encode = {
      .null_points = options.null_points,
      .zone = options.request.zone,
      .range = {.from = options.request.range.from, .until = options.request.range.until}};
  if (meta) return JsonAnswer(parameters, MetaJson(options, std::move(series), encode, *meta));
  if (format == RenderFormat::kJson) functions::ConsolidateToMaximum(options.points_max, series);
  if (!IsJson(format)) {
    return Streamed(ContentType(format), MakeRenderStream(format, std::move(series), encode), "",
                    "");
  }
  // Indented for people, who do not read documents for which parts matter.
  if (!parameters.Get("pretty").empty()) {
    return JsonAnswer(parameters, EncodeWhole(format, std::move(series), encode));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string callback, CallbackOf(parameters));
  auto stream = MakeRenderStream(format, std::move(series), encode);
  if (callback.empty()) return Streamed(ContentType(format), std::move(stream), "", "");
  return Streamed("text/javascript", std::move(stream), absl::StrCat(callback, "("), ")");
}

}  // namespace plumbago::query
