// What is reduced in parts and merged is what AggregateRows makes of all series at once: random
// series with nulls, cut into random parts, for each aggregation that can be merged.
#include "functions/row_reducer.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

namespace plumbago::functions {
namespace {

constexpr Aggregation kMergeable[] = {
    Aggregation::kSum,     Aggregation::kAverage, Aggregation::kAverageZero,
    Aggregation::kMinimum, Aggregation::kMaximum, Aggregation::kRange,
    Aggregation::kCount,   Aggregation::kLast,    Aggregation::kStandardDeviation,
};

using Columns = std::vector<std::vector<double>>;

// Whole numbers, so that sums do not depend on the order.
Columns RandomColumns(std::mt19937& random, size_t count, size_t row_count) {
  Columns columns(count, std::vector<double>(row_count, kNull));
  const double null_share = std::uniform_real_distribution<double>(0, 1)(random);
  for (std::vector<double>& column : columns) {
    for (double& value : column) {
      if (std::uniform_real_distribution<double>(0, 1)(random) < null_share) continue;
      value = std::uniform_int_distribution<int>(-1000, 1000)(random);
    }
  }
  return columns;
}

std::vector<double> Whole(Aggregation aggregation, const Columns& columns, double share) {
  std::vector<const std::vector<double>*> pointers;
  for (const std::vector<double>& column : columns) pointers.push_back(&column);
  return AggregateRows(aggregation, pointers, share);
}

// The head of each series goes through one of three parts, the tail straight into the whole.
std::vector<double> InParts(Aggregation aggregation, const Columns& columns, double share,
                            std::mt19937& random) {
  const size_t row_count = columns[0].size();
  const size_t head_count = std::uniform_int_distribution<size_t>(0, row_count)(random);
  std::vector<RowReducer> parts(3, RowReducer(aggregation, head_count));
  RowReducer whole(aggregation, row_count);
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto values = absl::MakeConstSpan(columns[i]);
    const auto place = static_cast<uint32_t>(i);
    parts[random() % 3].Add(0, values.first(head_count), place);
    whole.Add(head_count, values.subspan(head_count), place);
  }
  for (const RowReducer& part : parts) REQUIRE(whole.Merge(part.rows()));
  return whole.Result(columns.size(), share);
}

bool IsNear(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::fabs(a - b) <= 1e-9 * std::max(std::fabs(a), std::fabs(b));
}

}  // namespace

TEST_CASE("RowReducer gives in parts what AggregateRows gives at once", "[row_reducer]") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int turn = 0; turn < 300; ++turn) {
    const Columns columns = RandomColumns(random, 1 + random() % 8, random() % 20);
    const double share = random() % 2 == 0 ? 0 : 0.5;
    for (const Aggregation aggregation : kMergeable) {
      CAPTURE(turn, static_cast<int>(aggregation));
      const std::vector<double> expected = Whole(aggregation, columns, share);
      const std::vector<double> found = InParts(aggregation, columns, share, random);
      REQUIRE(found.size() == expected.size());
      for (size_t i = 0; i < found.size(); ++i) {
        const bool is_exact = aggregation != Aggregation::kStandardDeviation;
        const bool is_same = is_exact && !std::isnan(expected[i]) ? found[i] == expected[i]
                                                                  : IsNear(found[i], expected[i]);
        REQUIRE(is_same);
      }
    }
  }
}

TEST_CASE("RowReducer refuses columns that are not those of its aggregation", "[row_reducer]") {
  RowReducer sum(Aggregation::kSum, 2);
  CHECK_FALSE(sum.Merge({.counts = {1, 1, 1}, .values = {1, 2, 3}, .others = {}, .places = {}}));
  CHECK_FALSE(sum.Merge({.counts = {1, 1}, .values = {1}, .others = {}, .places = {}}));
  CHECK_FALSE(sum.Merge({.counts = {1, 1}, .values = {1, 2}, .others = {1, 2}, .places = {}}));
  CHECK(sum.Merge({.counts = {1}, .values = {1}, .others = {}, .places = {}}));
  RowReducer last(Aggregation::kLast, 1);
  CHECK_FALSE(last.Merge({.counts = {1}, .values = {1}, .others = {}, .places = {}}));
}

TEST_CASE("Rows of a head end before the time that the tail begins with", "[row_reducer]") {
  CHECK(HeadCount(/*start=*/60, /*step=*/60, /*row_count=*/10, /*tail_from=*/0) == 0);
  CHECK(HeadCount(60, 60, 10, 119) == 0);  // the first step reaches it
  CHECK(HeadCount(60, 60, 10, 120) == 1);
  CHECK(HeadCount(60, 60, 10, 179) == 1);
  CHECK(HeadCount(60, 60, 10, 1'000'000) == 10);
}

}  // namespace plumbago::functions
