// Proves that sums over samples are exact while few pass, and within the stated bound of the truth
// when many do: for Zipf's traffic, for patterns that try to hide between the samples, and for
// bursts. Seeds are printed.
#include "relay/sample_stream.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <map>
#include <string>

namespace plumbago::relay {
namespace {

constexpr size_t kSamplesMax = 4096;
constexpr uint32_t kStart = 1000;

uint64_t PrintedSeed() {
  const uint64_t seed = std::random_device()();
  WARN("seed " << seed);
  return seed;
}

struct Estimate {
  double sum = 0;
  double bound = 0;
};

struct Harness {
  explicit Harness(uint64_t seed, size_t samples_max = kSamplesMax) : stream(samples_max, seed) {
    stream.Tick(kStart - 1);
    stream.Tick(kStart);
  }

  // One second of `count` points, of which the i-th is of group_of(i), in blocks as lines come.
  void Second(size_t count, const std::function<int(size_t)>& group_of) {
    for (size_t begin = 0; begin < count; begin += 16) {
      const size_t size = std::min<size_t>(16, count - begin);
      for (size_t i = 0; i < size; ++i) ++truths[second][group_of(begin + i)];
      stream.Offer(size, [&](size_t i) {
        Sample sample;
        sample.tenant = static_cast<TenantIndex>(group_of(begin + i));
        stream.Add(sample);
      });
    }
    stream.Tick(++second);
  }

  std::map<int, Estimate> Estimates() {
    const uint32_t first = std::max(kStart, stream.covered_since());
    for (const auto& [at, counts] : truths) {
      for (const auto& [group, count] : counts) truth[group] += at < first ? 0 : count;
    }
    std::vector<Sample> samples;
    passed = stream.Copy(first, second - 1, &samples);
    sample_count = samples.size();
    std::map<int, Estimate> estimates;
    std::map<int, SampleError> errors;
    for (const Sample& sample : samples) {
      estimates[static_cast<int>(sample.tenant)].sum += sample.weight;
      errors[static_cast<int>(sample.tenant)].Add(sample);
    }
    for (auto& [group, estimate] : estimates) estimate.bound = errors[group].Bound();
    return estimates;
  }

  SampleStream stream;
  uint32_t second = kStart;
  std::map<uint32_t, std::map<int, double>> truths;  // by second
  std::map<int, double> truth;                       // of what Estimates() covers
  uint64_t passed = 0;
  size_t sample_count = 0;
};

// 3 of 1000 groups miss the bound of three standard deviations, so that of at most 50 more than
// three do about once in a million runs. A group under 1/100 may have too few samples for that.
void CheckBounds(Harness& harness) {
  const std::map<int, Estimate> estimates = harness.Estimates();
  const auto total = static_cast<double>(harness.passed);
  int group_count = 0;
  int missed_count = 0;
  for (const auto& [group, truth] : harness.truth) {
    if (truth < total / 100) continue;
    ++group_count;
    const auto found = estimates.find(group);
    REQUIRE(found != estimates.end());
    const double error = std::abs(found->second.sum - truth);
    if (error > found->second.bound) ++missed_count;
    CHECK(error <= 2 * found->second.bound);  // six deviations: never
  }
  CHECK(group_count > 0);
  CHECK(missed_count <= 3);
}

TEST_CASE("SampleStream keeps all that passes while it is little, and counts it exactly",
          "[relay]") {
  Harness harness(PrintedSeed());
  for (int i = 0; i < 10; ++i)
    harness.Second(300, [](size_t n) { return static_cast<int>(n % 7); });
  const auto estimates = harness.Estimates();
  CHECK(harness.sample_count == 3000);
  CHECK(harness.passed == 3000);
  for (const auto& [group, estimate] : estimates) {
    CHECK(estimate.sum == harness.truth[group]);
    CHECK(estimate.bound == 0);
  }
}

TEST_CASE("SampleStream estimates the heavy ones of Zipf's traffic within the bound", "[relay]") {
  const uint64_t seed = PrintedSeed();
  for (const double exponent : {0.8, 1.0, 1.3}) {
    CAPTURE(exponent);
    std::vector<double> weights;
    for (int i = 1; i <= 10'000; ++i) weights.push_back(std::pow(i, -exponent));
    std::discrete_distribution<int> zipf(weights.begin(), weights.end());
    std::mt19937_64 generator(seed + 17);
    std::vector<int> drawn(200'000);
    for (int& group : drawn) group = zipf(generator);
    Harness harness(seed);
    for (int i = 0; i < 10; ++i) harness.Second(drawn.size(), [&](size_t n) { return drawn[n]; });
    CheckBounds(harness);
    CHECK(harness.passed >= 1'600'000);
  }
}

TEST_CASE("SampleStream sees what is sent in a pattern that fixed gaps would pass over",
          "[relay]") {
  const uint64_t seed = PrintedSeed();
  for (const size_t period : {size_t{2}, size_t{16}, size_t{64}, size_t{489}, size_t{490}}) {
    CAPTURE(period);
    Harness harness(seed);
    // One of `period`, at a fixed place; the rest is of somebody else.
    for (int i = 0; i < 10; ++i) {
      harness.Second(150'000, [&](size_t n) { return n % period == 3 % period ? 1 : 0; });
    }
    CheckBounds(harness);
  }
}

TEST_CASE("SampleStream sees who sends all at once, after a quiet second", "[relay]") {
  Harness harness(PrintedSeed());
  for (int i = 0; i < 10; ++i) {
    const size_t count = i % 3 == 0 ? 300'000 : 100;
    harness.Second(count, [&](size_t n) { return n < 50'000 ? 1 : 2; });
  }
  CheckBounds(harness);
  CHECK(harness.passed > 600'000);  // most of the window is covered
}

TEST_CASE("SampleStream holds no more than it may, and says what it does not cover", "[relay]") {
  Harness harness(PrintedSeed(), 128);
  harness.Second(100, [](size_t) { return 1; });
  CHECK(harness.stream.covered_since() == kStart);
  for (int i = 0; i < 5; ++i) harness.Second(1'000'000, [](size_t) { return 1; });
  harness.Estimates();
  CHECK(harness.sample_count <= 128);
  CHECK(harness.stream.covered_since() > kStart);
  CHECK(harness.stream.gap_mean() > 1'000'000 / 128);
  for (int i = 0; i < 11; ++i) harness.Second(1, [](size_t) { return 1; });
  CHECK(harness.stream.gap_mean() == 1);  // follows down too
}

TEST_CASE("Sample keeps the begin of a long name", "[relay]") {
  Sample sample;
  sample.SetName(std::string(1000, 'x'));
  CHECK(sample.name() == std::string(Sample::kNameBytesMax, 'x'));
  sample.SetName("a.b");
  CHECK(sample.name() == "a.b");
}

}  // namespace
}  // namespace plumbago::relay
