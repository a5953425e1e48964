#include "render_parameters.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "functions/attime.h"

namespace plumbago::query {
namespace {

absl::StatusOr<int64_t> Time(const http::Parameters& parameters, const std::string& name,
                             const std::string& fallback, int64_t now, absl::TimeZone zone) {
  const std::string text = parameters.Get(name);
  auto time = functions::ParseAtTime(text.empty() ? fallback : text, now, zone);
  return time.ok() ? time : base::Annotate(time.status(), name);
}

absl::StatusOr<functions::TimeRange> Range(const http::Parameters& parameters, int64_t now,
                                           absl::TimeZone zone) {
  functions::TimeRange range;
  PLUMBAGO_ASSIGN_OR_RETURN(range.from, Time(parameters, "from", "-1d", now, zone));
  PLUMBAGO_ASSIGN_OR_RETURN(range.until, Time(parameters, "until", "now", now, zone));
  if (range.from > range.until) std::swap(range.from, range.until);
  if (range.from == range.until) {
    return absl::InvalidArgumentError(
        absl::StrCat("empty time range: from and until are both ", range.from));
  }
  return range;
}

// Of one format the first name is its usual one.
constexpr std::pair<absl::string_view, RenderFormat> kFormats[] = {
    {"json", RenderFormat::kJson},
    {"csv", RenderFormat::kCsv},
    {"raw", RenderFormat::kRaw},
    {"pickle", RenderFormat::kPickle},
    {"msgpack", RenderFormat::kMsgpack},
    {"dygraph", RenderFormat::kDygraph},
    {"rickshaw", RenderFormat::kRickshaw},
    {"carbonapi_v2_pb", RenderFormat::kProtobufV2},
    {"protobuf", RenderFormat::kProtobufV2},
    {"protobuf3", RenderFormat::kProtobufV2},
    {"carbonapi_v3_pb", RenderFormat::kProtobufV3}};

absl::StatusOr<RenderFormat> Format(const http::Parameters& parameters) {
  const std::string text = parameters.Get("format");
  if (text.empty()) {
    if (parameters.Find("rawData") != nullptr) return RenderFormat::kRaw;
    if (parameters.Find("pickle") != nullptr) return RenderFormat::kPickle;
    return RenderFormat::kJson;
  }
  const auto format = std::find_if(std::begin(kFormats), std::end(kFormats),
                                   [&](const auto& entry) { return entry.first == text; });
  if (format != std::end(kFormats)) return format->second;
  const auto append_name = [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.first);
  };
  return absl::InvalidArgumentError(absl::StrCat("format is \"", base::Excerpt(text), "\"; use ",
                                                 absl::StrJoin(kFormats, ", ", append_name)));
}

absl::StatusOr<std::optional<double>> XFilesFactor(const http::Parameters& parameters) {
  const std::string text = parameters.Get("xFilesFactor");
  if (text.empty()) return std::nullopt;
  double factor = 0;
  if (!absl::SimpleAtod(text, &factor) || std::isnan(factor)) {
    return absl::InvalidArgumentError(
        absl::StrCat("xFilesFactor is \"", base::Excerpt(text), "\"; use a number from 0 to 1"));
  }
  return factor;
}

// Anything but digits is ignored, as Graphite does.
int64_t PointsMax(const http::Parameters& parameters) {
  const std::string text = parameters.Get("maxDataPoints");
  const bool is_digits =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  int64_t points_max = 0;
  return is_digits && absl::SimpleAtoi(text, &points_max) ? points_max : 0;
}

functions::TemplateValues TemplateValuesOf(const http::Parameters& parameters) {
  functions::TemplateValues values;
  for (const auto& [name, value] : parameters.entries()) {
    absl::string_view variable = name;
    if (absl::ConsumePrefix(&variable, "template[") && absl::ConsumeSuffix(&variable, "]") &&
        !variable.empty()) {
      values[std::string(variable)] = value;
    }
  }
  return values;
}

}  // namespace

absl::StatusOr<RenderOptions> ReadRenderParameters(const http::Parameters& parameters, int64_t now,
                                                   absl::TimeZone zone) {
  RenderOptions options;
  options.request.zone = zone;
  options.request.targets = parameters.All("target");
  if (options.request.targets.empty()) options.request.targets = parameters.All("target[]");
  options.request.template_values = TemplateValuesOf(parameters);
  PLUMBAGO_ASSIGN_OR_RETURN(options.request.range, Range(parameters, now, zone));
  PLUMBAGO_ASSIGN_OR_RETURN(options.request.x_files_factor, XFilesFactor(parameters));
  PLUMBAGO_ASSIGN_OR_RETURN(options.format, Format(parameters));
  if (parameters.Find("noNullPoints") != nullptr) options.null_points = NullPoints::kDrop;
  options.points_max = PointsMax(parameters);
  return options;
}

}  // namespace plumbago::query
