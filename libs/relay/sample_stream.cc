#include "relay/sample_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace plumbago::relay {
namespace {

// Held for so many samples at a time, that the thread that adds does not wait.
constexpr size_t kCopiedPerLock = 64;
// A gap is short as against the numbers that it is added to.
constexpr uint64_t kGapMeanMax = uint64_t{1} << 24;

}  // namespace

void Sample::SetName(absl::string_view name) {
  name_size = static_cast<uint8_t>(std::min(name.size(), kNameBytesMax));
  std::memcpy(name_bytes.data(), name.data(), name_size);
}

SampleStream::SampleStream(size_t samples_max, uint64_t seed)
    : samples_max_(std::max<size_t>(samples_max, 64)), generator_(seed) {}

void SampleStream::Add(Sample sample) {
  sample.second = second_;
  sample.weight = gap_mean_;  // by which it was chosen
  // A burst: the rate of the last second says nothing.
  if (++added_in_second_ > samples_max_ / 8) {
    SetGapMean(uint64_t{gap_mean_} * 8);
    added_in_second_ = 0;
  }
  base::MutexLock lock(mutex_);
  if (ring_.size() < samples_max_) {
    ring_.push_back(sample);
  } else {
    Sample& place = ring_[added_count_ % samples_max_];
    covered_since_ = std::max(covered_since_, place.second + 1);
    place = sample;
  }
  ++added_count_;
}

void SampleStream::Tick(uint32_t second) {
  if (offered_ == 0 && second == second_) return;
  uint64_t in_second = 0;
  uint64_t in_window = 0;
  {
    base::MutexLock lock(mutex_);
    SecondCount& count = CountOf(second_);
    in_second = count.count += std::exchange(offered_, 0);
    in_window = CountWithin(second_ + 1 - std::min(second_, kTrafficWindowSeconds), second_);
    if (second_ == 0) covered_since_ = second + 1;  // the first one is not complete
  }
  if (second == second_) return;
  // So many samples that three quarters of the ring hold a window, as it was or as it begins to be.
  const uint64_t expected = std::max(in_window, in_second * kTrafficWindowSeconds);
  SetGapMean(expected * 4 / (samples_max_ * 3) + 1);
  second_ = second;
  added_in_second_ = 0;
}

void SampleStream::SetGapMean(uint64_t mean) {
  const auto bounded = static_cast<uint32_t>(std::clamp<uint64_t>(mean, 1, kGapMeanMax));
  if (bounded == gap_mean_) return;
  gap_mean_ = bounded;
  log_of_pass_ = gap_mean_ == 1 ? 0 : std::log1p(-1.0 / gap_mean_);
  // Gaps have no memory: a new one may begin anywhere.
  gap_ = DrawGap();
}

uint64_t SampleStream::DrawGap() {
  if (gap_mean_ == 1) return 0;
  // In (0, 1]: the logarithm is finite.
  const double uniform = 1.0 - std::generate_canonical<double, 53>(generator_);
  return static_cast<uint64_t>(std::log(uniform) / log_of_pass_);
}

SampleStream::SecondCount& SampleStream::CountOf(uint32_t second) {
  SecondCount& count = counts_[second % kCountedSeconds];
  if (count.second != second) count = {.second = second, .count = 0};
  return count;
}

uint64_t SampleStream::CountWithin(uint32_t first_second, uint32_t last_second) const {
  uint64_t sum = 0;
  for (const SecondCount& count : counts_) {
    if (count.second >= first_second && count.second <= last_second) sum += count.count;
  }
  return sum;
}

uint64_t SampleStream::Copy(uint32_t first_second, uint32_t last_second,
                            std::vector<Sample>* samples) {
  uint64_t passed = 0;
  uint64_t next = 0;
  {
    base::MutexLock lock(mutex_);
    passed = CountWithin(first_second, last_second);
    next = added_count_ - std::min<uint64_t>(added_count_, ring_.size());
  }
  while (true) {
    base::MutexLock lock(mutex_);
    // What was overwritten meanwhile is too old.
    next = std::max(next, added_count_ - std::min<uint64_t>(added_count_, ring_.size()));
    const uint64_t end = std::min<uint64_t>(added_count_, next + kCopiedPerLock);
    if (next == end) return passed;
    for (; next < end; ++next) {
      const Sample& sample = ring_[next % samples_max_];
      if (sample.second >= first_second && sample.second <= last_second) {
        samples->push_back(sample);
      }
    }
  }
}

uint32_t SampleStream::covered_since() {
  base::MutexLock lock(mutex_);
  return covered_since_;
}

}  // namespace plumbago::relay
