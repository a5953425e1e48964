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
    {"carbonapi_v3_pb", RenderFormat::kProtobufV3},
    {"png", RenderFormat::kPng},
    {"svg", RenderFormat::kSvg},
    {"pdf", RenderFormat::kPdf}};

absl::StatusOr<RenderFormat> Format(const http::Parameters& parameters) {
  const std::string text = parameters.Get("format");
  if (text.empty()) {
    if (parameters.Find("rawData") != nullptr) return RenderFormat::kRaw;
    if (parameters.Find("pickle") != nullptr) return RenderFormat::kPickle;
    return RenderFormat::kPng;
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

// The presence of noCache decides, whatever its value, as in Graphite.
absl::StatusOr<std::optional<int64_t>> CacheSeconds(const http::Parameters& parameters) {
  if (parameters.Find("noCache") != nullptr) return 0;
  const std::string text = parameters.Get("cacheTimeout");
  if (text.empty()) return std::nullopt;
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(text, &seconds) || seconds < 0) {
    return absl::InvalidArgumentError(absl::StrCat("cacheTimeout is \"", base::Excerpt(text),
                                                   "\"; use seconds, 0 for a new answer"));
  }
  return seconds;
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

absl::Status WrongWord(absl::string_view name, const std::string& value,
                       absl::string_view allowed) {
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is \"", base::Excerpt(value), "\"; use ", allowed));
}

absl::StatusOr<graph::PieMode> PieModeOf(const http::Parameters& parameters) {
  const std::string mode = parameters.Get("pieMode");
  if (mode.empty() || mode == "average") return graph::PieMode::kAverage;
  if (mode == "maximum") return graph::PieMode::kMaximum;
  if (mode == "minimum") return graph::PieMode::kMinimum;
  return WrongWord("pieMode", mode, "average, maximum or minimum");
}

// Takes targets of the form name:number out of the list.
std::vector<graph::PieSlice> TakeSlices(std::vector<std::string>& targets) {
  std::vector<graph::PieSlice> slices;
  std::erase_if(targets, [&](const std::string& target) {
    const size_t colon = target.find(':');
    double value = 0;
    if (colon == std::string::npos || !absl::SimpleAtod(target.substr(colon + 1), &value)) {
      return false;
    }
    slices.push_back({target.substr(0, colon), value});
    return true;
  });
  return slices;
}

graph::PictureFormat PictureFormatOf(RenderFormat format) {
  if (format == RenderFormat::kSvg) return graph::PictureFormat::kSvg;
  return format == RenderFormat::kPdf ? graph::PictureFormat::kPdf : graph::PictureFormat::kPng;
}

// A pie is a picture whatever else the format says.
absl::Status ReadPicture(const http::Parameters& parameters, RenderOptions& options) {
  const std::string type = parameters.Get("graphType");
  if (!type.empty() && type != "line" && type != "pie") {
    return WrongWord("graphType", type, "line or pie");
  }
  bool is_picture = options.format == RenderFormat::kPng || options.format == RenderFormat::kSvg ||
                    options.format == RenderFormat::kPdf;
  if (type == "pie") {
    options.pie.emplace();
    PLUMBAGO_ASSIGN_OR_RETURN(options.pie->mode, PieModeOf(parameters));
    options.pie->slices = TakeSlices(options.request.targets);
    if (!is_picture) options.format = RenderFormat::kPng;
    is_picture = true;
  }
  if (!is_picture) return absl::OkStatus();
  const auto find = [&](absl::string_view name) { return parameters.Find(name); };
  PLUMBAGO_ASSIGN_OR_RETURN(
      options.picture,
      graph::ReadParameters(find, PictureFormatOf(options.format), options.request.zone));
  return absl::OkStatus();
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
  PLUMBAGO_ASSIGN_OR_RETURN(options.cache_seconds, CacheSeconds(parameters));
  options.now_text = parameters.Get("now");
  PLUMBAGO_RETURN_IF_ERROR(ReadPicture(parameters, options));
  return options;
}

}  // namespace plumbago::query
