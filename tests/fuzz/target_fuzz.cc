// Targets: whatever is written, it is read, checked and evaluated over a little data within the
// bounds, and every answer is in shape.
#include <cmath>

#include "base/status.h"
#include "checks.h"
#include "functions/attime.h"
#include "functions/binding.h"
#include "functions/evaluator.h"
#include "functions/parser.h"
#include "functions/testing/answer_fetch.h"

namespace {

using namespace plumbago::functions;

constexpr int64_t kNow = 1'700'000'000;
constexpr int kRoundsMax = 8;
constexpr int64_t kPointsPerSeriesMax = 300;

// Up to three series a pattern, of steps and nulls that depend on it.
SeriesList Answer(const Fetch& fetch) {
  SeriesList list;
  const size_t kind = fetch.pattern.size();
  for (size_t i = 0; i < kind % 4; ++i) {
    const int64_t step = i == 2 ? 60 : 10 * static_cast<int64_t>(kind % 3 + 1);
    const int64_t start = fetch.range.from - fetch.range.from % step + step;
    std::vector<double> values;
    for (int64_t time = start; time <= fetch.range.until; time += step) {
      if (static_cast<int64_t>(values.size()) >= kPointsPerSeriesMax) break;
      const auto seconds = static_cast<double>(time % 1000);
      values.push_back(time / step % 5 == 0 ? kNull : seconds - 300);
    }
    const int64_t end = start + step * static_cast<int64_t>(values.size());
    std::string name = fetch.pattern + "." + std::to_string(i);
    if (i == 1) name += ";dc=x;rack=a1";
    list.push_back(MakeSeries(std::move(name), start, end, step, std::move(values)));
    list.back().path_expression = fetch.pattern;
  }
  return list;
}

void CheckShape(const SeriesList& list) {
  for (const Series& series : list) {
    FUZZ_CHECK(series.step >= 1);
    FUZZ_CHECK(series.values.size() < 50'000'000);
  }
}

void EvaluateTarget(const Expression& expression) {
  static const auto* const table = new FunctionTable(MakeBuiltinFunctions());
  if (!CheckCalls(*table, expression).ok()) return;
  EvaluationContext context;
  context.range = {kNow - 600, kNow};
  context.now = kNow;
  context.points_max = 200'000;
  context.calls_max = 200;
  int64_t alive_count = 0;
  context.check_alive = [&]() -> absl::Status {
    return ++alive_count < 2000 ? absl::OkStatus() : absl::DeadlineExceededError("too slow");
  };
  FetchedData data;
  for (int round = 0; round < kRoundsMax; ++round) {
    auto evaluated = Evaluate(*table, context, data, expression);
    if (!evaluated.ok()) {
      FUZZ_CHECK(!evaluated.status().message().empty());
      return;
    }
    if (evaluated->missing.empty()) return CheckShape(evaluated->series);
    for (const Fetch& fetch : evaluated->missing.fetches) {
      FUZZ_CHECK(fetch.range.from >= 0);
      FUZZ_CHECK(AnswerFetch(fetch, Answer, data).ok());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = plumbago::fuzz::View(data, size);
  const auto time = ParseAtTime(text, kNow, absl::UTCTimeZone());
  FUZZ_CHECK(time.ok() || !time.status().message().empty());
  const auto expression = ParseTarget(text);
  if (!expression.ok()) {
    FUZZ_CHECK(!expression.status().message().empty());
    return 0;
  }
  EvaluateTarget(*expression);
  return 0;
}
