// A uniform random sample of what passed in the last seconds, of bounded size.
//
//   Offer(count)  ->  one in `gap_mean`, at random  ->  ring of samples, each with its weight
//                 ->  exact count per second
//
// While few pass, each of them is kept and sums over the samples are exact. When more pass than the
// ring can hold for a window, the gaps between samples grow. They are random (geometric), so that
// no pattern in the traffic can hide from them: a sum of weights is right on average, and misses
// the truth by more than ErrorOf() in 3 of 1000 cases.
//
// Offer, Add and Tick belong to one thread; Copy is thread-safe. Memory: samples_max * sizeof
// (Sample), as they come.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "relay/drop_reason.h"
#include "relay/source.h"

namespace plumbago::relay {

// The time that rates are taken over, in full seconds.
inline constexpr uint32_t kTrafficWindowSeconds = 10;

struct Sample {
  static constexpr size_t kNameBytesMax = 104;

  uint32_t second = 0;  // monotonic
  uint32_t weight = 0;  // so many it stands for
  uint32_t bytes = 0;   // as received
  TenantIndex tenant = 0;
  Sender sender;
  Protocol protocol = Protocol::kPlaintext;
  DropReason reason = DropReason::kReasonCount;  // of what was refused
  uint8_t name_size = 0;
  std::array<char, kNameBytesMax> name_bytes;  // the begin of the metric's name

  absl::string_view name() const { return {name_bytes.data(), name_size}; }
  void SetName(absl::string_view name);
};

// How far a sum of samples may be from the truth: three standard deviations, and what they are
// underestimated by where the samples are few (the limits of a Poisson count). 0 where each point
// was kept.
class SampleError {
 public:
  void Add(const Sample& sample) {
    const auto weight = static_cast<double>(sample.weight);
    variance_ += weight * (weight - 1);
    if (weight > 1) weight_max_ = std::max(weight_max_, weight);
  }
  double Bound() const {
    return 4.5 * weight_max_ + 3 * std::sqrt(variance_ + 2.25 * weight_max_ * weight_max_);
  }

 private:
  double variance_ = 0;
  double weight_max_ = 0;
};

class SampleStream {
 public:
  // `samples_max` is at least 64.
  SampleStream(size_t samples_max, uint64_t seed);

  // `count` more have passed. `choose` is called for each that is to be sampled, with its index
  // below `count`, and calls Add.
  template <typename Choose>
  void Offer(size_t count, Choose&& choose) {
    offered_ += count;
    if (gap_ >= count) {
      gap_ -= count;
      return;
    }
    size_t i = gap_;
    while (i < count) {
      choose(i);
      i += 1 + DrawGap();
    }
    gap_ = i - count;
  }

  // Fills in second and weight.
  void Add(Sample sample);

  // `second` is the time now: what was offered since the last call counts for the second before.
  void Tick(uint32_t second);

  // Appends the samples of [first_second, last_second], and returns how many passed in all then.
  uint64_t Copy(uint32_t first_second, uint32_t last_second, std::vector<Sample>* samples);

  // Seconds before this one are not covered: nothing was seen, or samples had to go.
  uint32_t covered_since();

  uint32_t gap_mean() const { return gap_mean_; }

 private:
  static constexpr size_t kCountedSeconds = 16;
  static_assert(kCountedSeconds > kTrafficWindowSeconds + 2);

  struct SecondCount {
    uint32_t second = 0;
    uint64_t count = 0;
  };

  uint64_t DrawGap();
  void SetGapMean(uint64_t mean);
  SecondCount& CountOf(uint32_t second) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t CountWithin(uint32_t first_second, uint32_t last_second) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t samples_max_;

  // Of the thread that offers.
  std::mt19937_64 generator_;
  uint64_t gap_ = 0;  // to be passed over before the next sample
  uint32_t gap_mean_ = 1;
  double log_of_pass_ = 0;  // log(1 - 1/gap_mean)
  uint64_t offered_ = 0;    // since the last tick
  size_t added_in_second_ = 0;
  uint32_t second_ = 0;

  base::Mutex mutex_;
  std::vector<Sample> ring_ ABSL_GUARDED_BY(mutex_);
  uint64_t added_count_ ABSL_GUARDED_BY(mutex_) = 0;  // ever; the next one's place in the ring
  uint32_t covered_since_ ABSL_GUARDED_BY(mutex_) = 0;
  std::array<SecondCount, kCountedSeconds> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::relay
