// fft, ifft and lowPass.
#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "absl/strings/str_format.h"
#include "base/status.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"

namespace plumbago::functions {
namespace {

using Complex = std::complex<double>;

// In place; the size is a power of two. `sign` -1: forward, +1: backward without the division.
void TransformPowerOfTwo(double sign, std::vector<Complex>& values) {
  const size_t size = values.size();
  for (size_t i = 1, j = 0; i < size; ++i) {
    size_t bit = size >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(values[i], values[j]);
  }
  for (size_t length = 2; length <= size; length <<= 1) {
    const size_t half = length / 2;
    for (size_t k = 0; k < half; ++k) {
      const double angle =
          sign * std::numbers::pi * static_cast<double>(k) / static_cast<double>(half);
      const Complex factor(std::cos(angle), std::sin(angle));
      for (size_t i = k; i < size; i += length) {
        const Complex odd = values[i + half] * factor;
        values[i + half] = values[i] - odd;
        values[i] += odd;
      }
    }
  }
}

// Of any size, by Bluestein's convolution.
std::vector<Complex> Transform(double sign, const std::vector<Complex>& values) {
  const size_t size = values.size();
  if (size == 0) return {};
  size_t padded = 1;
  while (padded < 2 * size) padded <<= 1;
  std::vector<Complex> chirp(size);
  for (size_t i = 0; i < size; ++i) {
    const auto square = static_cast<double>(i * i % (2 * size));
    const double angle = sign * std::numbers::pi * square / static_cast<double>(size);
    chirp[i] = {std::cos(angle), std::sin(angle)};
  }
  std::vector<Complex> a(padded);
  std::vector<Complex> b(padded);
  for (size_t i = 0; i < size; ++i) {
    a[i] = values[i] * chirp[i];
    b[i] = std::conj(chirp[i]);
    if (i > 0) b[padded - i] = b[i];
  }
  TransformPowerOfTwo(-1, a);
  TransformPowerOfTwo(-1, b);
  for (size_t i = 0; i < padded; ++i) a[i] *= b[i];
  TransformPowerOfTwo(1, a);
  std::vector<Complex> result(size);
  for (size_t i = 0; i < size; ++i) result[i] = a[i] * chirp[i] / static_cast<double>(padded);
  return result;
}

absl::StatusOr<SeriesList> EvaluateForward(Call& call) {
  const std::string mode =
      call.arguments().IsGiven("mode") ? call.arguments().String("mode") : std::string();
  const bool is_both = mode.empty() || mode == "both" || mode == "all";
  if (!is_both && mode != "abs" && mode != "phase") {
    return Refused(call, "mode is \"", base::Excerpt(mode), "\"; use abs, phase or both");
  }
  SeriesList results;
  for (const Series& series : call.series()) {
    PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints(static_cast<int64_t>(series.values.size()) * 4));
    const std::vector<Complex> transformed =
        Transform(-1, std::vector<Complex>(series.values.begin(), series.values.end()));
    for (const char* part : {"abs", "phase"}) {
      if (!is_both && mode != part) continue;
      std::vector<double> values(transformed.size());
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = *part == 'a' ? std::abs(transformed[i]) : std::arg(transformed[i]);
      }
      Series result = series;
      result.RenameTo(absl::StrCat("fft(", series.name, ",", part, ")"));
      result.values = std::move(values);
      result.has_integer_values = false;
      results.push_back(std::move(result));
    }
  }
  return results;
}

absl::StatusOr<SeriesList> EvaluateBackward(Call& call) {
  const SeriesList& phases = call.SeriesOf("phaseSeriesList");
  SeriesList& list = call.series();
  for (size_t i = 0; i < list.size(); ++i) {
    PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints(static_cast<int64_t>(list[i].values.size()) * 4));
    std::vector<Complex> values(list[i].values.begin(), list[i].values.end());
    const Series* phase = i < phases.size() ? &phases[i] : nullptr;
    for (size_t j = 0; phase != nullptr && j < values.size(); ++j) {
      const double angle = j < phase->values.size() ? phase->values[j] : kNull;
      values[j] *= Complex(std::cos(angle), std::sin(angle));
    }
    values = Transform(1, values);
    std::vector<double> moduli(values.size());
    for (size_t j = 0; j < moduli.size(); ++j) {
      moduli[j] = std::abs(values[j]) / static_cast<double>(moduli.size());
    }
    list[i].values = std::move(moduli);
    list[i].RenameTo(phase == nullptr ? absl::StrCat("ifft(", list[i].name, ")")
                                      : absl::StrCat("ifft(", list[i].name, ",", phase->name, ")"));
    list[i].has_integer_values = false;
  }
  return std::move(list);
}

absl::StatusOr<SeriesList> EvaluateLowPass(Call& call) {
  const double cut = call.arguments().Float("cutPercent");
  if (!(cut >= 0 && cut <= 100)) return Refused(call, "cutPercent is ", cut, ", not 0 to 100");
  for (Series& series : call.series()) {
    std::vector<double>& values = series.values.Mutable();
    const auto kept = static_cast<size_t>(cut / 200 * static_cast<double>(values.size()));
    std::fill(values.begin() + static_cast<ptrdiff_t>(kept),
              values.end() - static_cast<ptrdiff_t>(kept), kNull);
    series.RenameTo(absl::StrFormat("lowPass(%s,%g)", series.name, cut));
  }
  return std::move(call.series());
}

}  // namespace

std::vector<FunctionDefinition> FourierFunctions() {
  return {
      {.name = "fft",
       .group = "Transform",
       .description = "The Fourier transform of the values: their abs, their phase, or both.",
       .parameters = {SeriesParameter(), Optional("mode", ParameterType::kString)},
       .evaluate = EvaluateForward},
      {.name = "ifft",
       .group = "Transform",
       .description = "The modulus of the inverse Fourier transform.",
       .parameters = {SeriesParameter(), Optional("phaseSeriesList", ParameterType::kSeriesList)},
       .evaluate = EvaluateBackward},
      {.name = "lowPass",
       .aliases = {"lpf"},
       .group = "Transform",
       .description = "Keeps cutPercent of a Fourier transform, those of low frequency.",
       .parameters = {SeriesParameter(), Required("cutPercent", ParameterType::kFloat)},
       .evaluate = EvaluateLowPass},
  };
}

}  // namespace plumbago::functions
