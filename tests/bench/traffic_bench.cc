// What it costs a relay to know who sends what: CPU time per point of a router with samples and of
// one without, fed the same lines in turns, in one process. Figures only, never an assertion.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/metrics.h"
#include "relay/point_router.h"
#include "relay/testing/slot_maps.h"

namespace {

using namespace plumbago;  // NOLINT: a program of one file

constexpr size_t kSeries = 200'000;
constexpr int kRounds = 206;

class DiscardingStream final : public relay::BatchStream {
 public:
  void Send(std::unique_ptr<relay::Batch>) override { ++count_; }
  size_t unacknowledged_bytes() const override { return 0; }
  uint64_t acknowledged_count() const override { return count_; }
  bool is_failing() override { return false; }
  std::vector<std::unique_ptr<relay::Batch>> TakeBack() override { return {}; }

 private:
  uint64_t count_ = 0;
};

double ThreadSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

struct Subject {
  Subject(base::Clock& clock, relay::RelayMetrics& metrics, std::shared_ptr<relay::Traffic> traffic)
      : router(
            [&] {
              relay::RouterOptions options;
              options.traffic = std::move(traffic);
              return options;
            }(),
            clock, metrics, relay::RouterFactories{.make_stream = [](const auto&) {
              return std::make_unique<DiscardingStream>();
            }}) {
    router.SetSlotMap(relay::testing::SlotMapOf());
  }

  // CPU nanoseconds per point of one round, in reads of 256 KiB with a tick after every 16th.
  double Round(const std::string& lines) {
    const double begin = ThreadSeconds();
    size_t reads = 0;
    for (size_t at = 0; at < lines.size(); at += kRead) {
      cutter.Feed(absl::string_view(lines).substr(at, kRead), router);
      if (++reads % 16 == 0) router.Tick();
    }
    router.Tick();
    return (ThreadSeconds() - begin) * 1e9 / kSeries;
  }

  static constexpr size_t kRead = 256 << 10;
  relay::PointRouter router;
  relay::LineCutter cutter;
};

double Quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1))];
}

}  // namespace

int main() {
  base::SystemClock clock;
  base::Metrics registry;
  relay::RelayMetrics metrics(registry, "default");
  Subject without(clock, metrics, nullptr);
  Subject with(clock, metrics, std::make_shared<relay::Traffic>(16'384));
  std::string lines;
  for (size_t i = 0; i < kSeries; ++i) {
    absl::StrAppend(&lines, "bench.dc", i % 4, ".rack", i % 40, ".host", i % 1000, ".metric", i,
                    ".value ", i % 977, ".5 1700000000\n");
  }
  std::vector<double> off_nanos;
  std::vector<double> differences;
  for (int round = 0; round < kRounds; ++round) {
    // In turns, so that neither has the warmer cache or the quieter moment.
    const bool is_off_first = round % 2 == 0;
    const double first = (is_off_first ? without : with).Round(lines);
    const double second = (is_off_first ? with : without).Round(lines);
    if (round < 6) continue;  // names are learnt, gaps find their length
    off_nanos.push_back(is_off_first ? first : second);
    differences.push_back(is_off_first ? second - first : first - second);
  }
  const double off = Quantile(off_nanos, 0.5);
  const double difference = Quantile(differences, 0.5);
  std::printf("router, ns CPU per point, %zu series, %zu pairs of rounds\n", kSeries,
              differences.size());
  std::printf("  without samples  median %6.2f\n", off);
  std::printf("  difference       median %6.2f (%.1f %%), quartiles %.2f to %.2f\n", difference,
              100 * difference / off, Quantile(differences, 0.25), Quantile(differences, 0.75));
}
