#include "render_parameters.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
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

absl::StatusOr<RenderFormat> Format(const http::Parameters& parameters) {
  const std::string* format = parameters.Find("format");
  if (format == nullptr || format->empty()) {
    return parameters.Find("rawData") == nullptr ? RenderFormat::kJson : RenderFormat::kRaw;
  }
  if (*format == "json") return RenderFormat::kJson;
  if (*format == "csv") return RenderFormat::kCsv;
  if (*format == "raw") return RenderFormat::kRaw;
  return absl::InvalidArgumentError(
      absl::StrCat("format is \"", base::Excerpt(*format), "\"; use json, csv or raw"));
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
