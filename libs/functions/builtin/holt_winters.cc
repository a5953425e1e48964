// holtWintersForecast, ...ConfidenceBands, ...ConfidenceArea and ...Aberration: triple exponential
// smoothing with graphite-web's constants.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/status.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"

namespace plumbago::functions {
namespace {

constexpr double kAlpha = 0.1;
constexpr double kGamma = 0.1;
constexpr double kBeta = 0.0035;

struct Analysis {
  std::vector<double> predictions;
  std::vector<double> deviations;
};

// One pass from the first value on; what belongs to a season is looked up one season earlier.
class Smoothing {
 public:
  Smoothing(const std::vector<double>& values, size_t season) : values_(values), season_(season) {}

  Analysis Run() {
    for (size_t i = 0; i < values_.size(); ++i) {
      if (std::isnan(values_[i])) {
        Skip();
      } else {
        Take(i);
      }
    }
    return std::move(analysis_);
  }

 private:
  void Skip() {
    last_intercept_ = kNull;
    last_slope_ = 0;
    seasonals_.push_back(0);
    analysis_.predictions.push_back(next_prediction_);
    analysis_.deviations.push_back(0);
    next_prediction_ = kNull;
  }

  void Take(size_t i) {
    const double value = values_[i];
    const double prediction = i == 0 ? value : next_prediction_;
    if (std::isnan(last_intercept_)) last_intercept_ = value;
    const double last_seasonal = SeasonBefore(seasonals_, i);
    const double intercept =
        kAlpha * (value - last_seasonal) + (1 - kAlpha) * (last_intercept_ + last_slope_);
    const double slope = kBeta * (intercept - last_intercept_) + (1 - kBeta) * last_slope_;
    const double next_seasonal = season_ == 1 ? 0 : SeasonBefore(seasonals_, i + 1);
    seasonals_.push_back(kGamma * (value - intercept) + (1 - kGamma) * last_seasonal);
    next_prediction_ = intercept + slope + next_seasonal;
    const double expected = std::isnan(prediction) ? 0 : prediction;
    analysis_.deviations.push_back(kGamma * std::fabs(value - expected) +
                                   (1 - kGamma) * SeasonBefore(analysis_.deviations, i));
    analysis_.predictions.push_back(prediction);
    last_intercept_ = intercept;
    last_slope_ = slope;
  }

  double SeasonBefore(const std::vector<double>& series, size_t i) const {
    return i >= season_ ? series[i - season_] : 0;
  }

  const std::vector<double>& values_;
  const size_t season_;
  Analysis analysis_;
  std::vector<double> seasonals_;
  double last_intercept_ = kNull;
  double last_slope_ = 0;
  double next_prediction_ = kNull;
};

absl::StatusOr<std::vector<TimeRange>> Windows(WindowQuestion& question) {
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t bootstrap,
                            ParseTimeOffset(question.arguments().String("bootstrapInterval")));
  const TimeRange& range = question.range();
  return std::vector<TimeRange>{{range.from - std::abs(bootstrap), range.until}, range};
}

// The analysis of a series, without the points of the bootstrap, and the series moved to the times
// of the range.
absl::StatusOr<Analysis> Analyse(const Call& call, Series& series) {
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t seasonality,
                            ParseTimeOffset(call.arguments().String("seasonality")));
  const int64_t season = std::max<int64_t>(std::abs(seasonality) / series.step, 2);
  Analysis analysis = Smoothing(series.values.get(), static_cast<size_t>(season)).Run();
  const int64_t preview = call.range().from - call.window(0).from;
  const auto dropped = static_cast<ptrdiff_t>(
      std::min(static_cast<size_t>(preview / series.step), analysis.predictions.size()));
  analysis.predictions.erase(analysis.predictions.begin(), analysis.predictions.begin() + dropped);
  analysis.deviations.erase(analysis.deviations.begin(), analysis.deviations.begin() + dropped);
  series.start += preview;
  series.has_integer_values = false;
  return analysis;
}

void TagAnalysis(Series& series) {
  series.tags.Set("holtWintersForecast", "1");
  series.tags.Set("holtWintersDeviation", "1");
}

absl::StatusOr<SeriesList> EvaluateForecast(Call& call) {
  for (Series& series : call.series()) {
    PLUMBAGO_ASSIGN_OR_RETURN(Analysis analysis, Analyse(call, series));
    series.values = std::move(analysis.predictions);
    TagAnalysis(series);
    series.RenameTo(absl::StrCat("holtWintersForecast(", series.name, ")"));
    series.consolidation = Consolidation::kAverage;
  }
  return std::move(call.series());
}

// Lower and upper band of each series, in turn.
absl::StatusOr<SeriesList> Bands(Call& call) {
  const auto delta = static_cast<double>(call.arguments().Integer("delta"));
  SeriesList bands;
  for (Series& series : call.series()) {
    PLUMBAGO_ASSIGN_OR_RETURN(const Analysis analysis, Analyse(call, series));
    TagAnalysis(series);
    series.tags.Set("holtWintersConfidenceUpper", "1");
    series.tags.Set("holtWintersConfidenceLower", "1");
    series.consolidation = Consolidation::kAverage;
    for (const double sign : {-1.0, 1.0}) {
      Series band = series;
      band.name =
          absl::StrCat("holtWintersConfidence", sign < 0 ? "Lower(" : "Upper(", series.name, ")");
      std::vector<double> values(analysis.predictions.size());
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = analysis.predictions[i] + sign * (delta * analysis.deviations[i]);
      }
      band.values = std::move(values);
      bands.push_back(std::move(band));
    }
  }
  return bands;
}

absl::StatusOr<SeriesList> EvaluateArea(Call& call) {
  if (call.series().empty()) return SeriesList{};
  if (call.series().size() != 1) {
    return Refused(call, "seriesList is ", call.series().size(), " series, not exactly one");
  }
  PLUMBAGO_ASSIGN_OR_RETURN(SeriesList bands, Bands(call));
  for (Series& band : bands) {
    band.tags.Set("holtWintersConfidenceArea", "1");
    band.RenameTo(absl::StrCat("holtWintersConfidenceArea(", band.path_expression, ")"));
    band.options.Set("stacked", "1");
  }
  bands[0].options.Set("invisible", "1");
  return bands;
}

absl::StatusOr<SeriesList> EvaluateAberration(Call& call) {
  PLUMBAGO_ASSIGN_OR_RETURN(const SeriesList bands, Bands(call));
  SeriesList& shown = call.series(1);
  for (size_t i = 0; i < shown.size(); ++i) {
    Series& series = shown[i];
    series.tags.Set("holtWintersAberration", "1");
    const Series* lower = 2 * i + 1 < bands.size() ? &bands[2 * i] : nullptr;
    size_t at = 0;
    TransformValues(series, [&](double value) {
      const size_t index = at++;
      const bool has_band = lower != nullptr && index < lower->values.size();
      if (!has_band || std::isnan(value)) return 0.0;
      const double low = lower->values[index];
      const double high = bands[2 * i + 1].values[index];
      if (value > high) return value - high;
      return value < low ? value - low : 0.0;
    });
    series.RenameTo(absl::StrCat("holtWintersAberration(", series.name, ")"));
    series.has_integer_values = false;
    series.consolidation = Consolidation::kAverage;
  }
  return std::move(shown);
}

FunctionDefinition Definition(const char* name, const char* description,
                              absl::StatusOr<SeriesList> (*evaluate)(Call& call)) {
  FunctionDefinition definition = {
      .name = name,
      .group = "Calculate",
      .description = description,
      .parameters = {SeriesParameter(), Optional("delta", ParameterType::kInteger, int64_t{3}),
                     Optional("bootstrapInterval", ParameterType::kInterval, std::string("7d")),
                     Optional("seasonality", ParameterType::kInterval, std::string("1d"))},
      .windows = Windows,
      .evaluate = evaluate};
  if (evaluate == EvaluateForecast) {
    definition.parameters.erase(definition.parameters.begin() + 1);
  }
  return definition;
}

}  // namespace

std::vector<FunctionDefinition> HoltWintersFunctions() {
  return {
      Definition("holtWintersForecast",
                 "What the values before each point predict for it, with the season of a day.",
                 EvaluateForecast),
      Definition("holtWintersConfidenceBands",
                 "A band of delta usual deviations around the forecast: its lower and upper end.",
                 Bands),
      Definition("holtWintersConfidenceArea", "The area between the confidence bands.",
                 EvaluateArea),
      Definition("holtWintersAberration", "How far each value is outside the confidence bands.",
                 EvaluateAberration),
  };
}

}  // namespace plumbago::functions
