#include "protocols/statsd_timer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace plumbago::protocols {
namespace {

using Emit = absl::FunctionRef<void(absl::string_view, double)>;

// Element i is over the first i values, sorted.
struct Cumulative {
  explicit Cumulative(const std::vector<double>& values) {
    for (const double value : values) {
      sums.push_back(sums.back() + value);
      squares.push_back(squares.back() + value * value);
    }
  }
  std::vector<double> sums{0};
  std::vector<double> squares{0};
};

// 99.9 as "99_9" and -10 as "top10": the first '.' and '-' of the shortest decimal form.
std::string PercentileSuffix(double percentile) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), std::abs(percentile)).ptr;
  std::string suffix(text, end);
  const size_t dot = suffix.find('.');
  if (dot != std::string::npos) suffix[dot] = '_';
  return percentile < 0 ? absl::StrCat("top", suffix) : suffix;
}

void EmitPercentile(const std::vector<double>& values, const Cumulative& cumulative,
                    double percentile, Emit emit) {
  const size_t count = values.size();
  // JavaScript's Math.round: halves go up.
  const double share = std::floor(std::abs(percentile) / 100 * static_cast<double>(count) + 0.5);
  const size_t taken = count == 1 ? 1 : static_cast<size_t>(share);
  if (taken == 0) return;
  const bool is_top = percentile < 0;
  const size_t begin = is_top ? count - taken : 0;
  const double boundary = is_top ? values[begin] : values[taken - 1];
  const double sum = cumulative.sums[begin + taken] - cumulative.sums[begin];
  const double squares = cumulative.squares[begin + taken] - cumulative.squares[begin];
  const std::string suffix = PercentileSuffix(percentile);
  emit(absl::StrCat("count_", suffix), static_cast<double>(taken));
  emit(absl::StrCat("mean_", suffix), sum / static_cast<double>(taken));
  emit(absl::StrCat(is_top ? "lower_" : "upper_", suffix), boundary);
  emit(absl::StrCat("sum_", suffix), sum);
  emit(absl::StrCat("sum_squares_", suffix), squares);
}

}  // namespace

void SummariseTimer(TimerValues* timer, double flush_seconds,
                    const std::vector<double>& percentiles, Emit emit) {
  std::vector<double>& values = timer->values;
  if (values.empty()) {
    emit("count", 0);
    emit("count_ps", 0);
    return;
  }
  std::sort(values.begin(), values.end());
  const Cumulative cumulative(values);
  for (const double percentile : percentiles) EmitPercentile(values, cumulative, percentile, emit);

  const auto count = static_cast<double>(values.size());
  const double sum = cumulative.sums.back();
  const double mean = sum / count;
  double square_deviations = 0;
  for (const double value : values) square_deviations += (value - mean) * (value - mean);
  const size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;

  emit("std", std::sqrt(square_deviations / count));
  emit("upper", values.back());
  emit("lower", values.front());
  emit("count", timer->count);
  emit("count_ps", timer->count / flush_seconds);
  emit("sum", sum);
  emit("sum_squares", cumulative.squares.back());
  emit("mean", mean);
  emit("median", median);
}

}  // namespace plumbago::protocols
