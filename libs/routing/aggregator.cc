#include "routing/aggregator.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace plumbago::routing {
namespace {

// What the containers take around their content, about.
constexpr size_t kOutputBytes = 256;
constexpr size_t kBucketBytes = 144;

bool NeedsValues(const AggregateSpec& spec) {
  return spec.method == Method::kPercentile || spec.method == Method::kVariance ||
         spec.method == Method::kDeviation;
}

// In carbon an output belongs to the first rule that names it; in carbon-c-relay each rule has
// outputs of its own.
std::string KeyOf(const AggregateSpec& spec, absl::string_view name) {
  if (spec.bucket_rule == BucketRule::kCarbon) return std::string(name);
  return absl::StrCat(name, absl::string_view("\0", 1), spec.identity);
}

int64_t BucketStart(int64_t timestamp, int64_t interval) {
  const int64_t remainder = timestamp % interval;
  return timestamp - (remainder < 0 ? remainder + interval : remainder);
}

double Percentile(const AggregateSpec& spec, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto count = static_cast<double>(values.size());
  if (spec.percentile_rule == PercentileRule::kNearestRank) {
    // carbon-c-relay's aggregator.c; a rank of 0 is the first value here, and undefined there.
    const auto rank = static_cast<size_t>(spec.quantile * count + 0.9);
    return values[std::clamp<size_t>(rank, 1, values.size()) - 1];
  }
  const double rank = spec.quantile * (count - 1);
  const double left = std::floor(rank);
  const double right = std::ceil(rank);
  if (left == right) return values[static_cast<size_t>(left)];
  return values[static_cast<size_t>(left)] * (right - rank) +
         values[static_cast<size_t>(right)] * (rank - left);
}

double Variance(const std::vector<double>& values, double average) {
  double sum = 0;
  for (const double value : values) sum += (value - average) * (value - average);
  return sum / static_cast<double>(values.size());
}

template <typename Bucket>
double ValueOf(const AggregateSpec& spec, Bucket bucket) {
  const auto count = static_cast<double>(bucket.count);
  switch (spec.method) {
    case Method::kSum:
      return bucket.sum;
    case Method::kAverage:
      return bucket.sum / count;
    case Method::kMin:
      return bucket.min;
    case Method::kMax:
      return bucket.max;
    case Method::kCount:
      return count;
    case Method::kLast:
      return bucket.last;
    case Method::kPercentile:
      return Percentile(spec, std::move(bucket.values));
    case Method::kVariance:
      return Variance(bucket.values, bucket.sum / count);
    case Method::kDeviation:
      return std::sqrt(Variance(bucket.values, bucket.sum / count));
  }
  return 0;
}

int64_t TimestampOf(const AggregateSpec& spec, int64_t start) {
  switch (spec.timestamp_at) {
    case TimestampAt::kStart:
      return start;
    case TimestampAt::kMiddle:
      return start + spec.interval_seconds / 2;
    case TimestampAt::kEnd:
      return start + spec.interval_seconds;
  }
  return start;
}

}  // namespace

Aggregator::Aggregator(const AggregatorOptions& options, base::Clock& clock)
    : options_(options), clock_(clock) {}

Aggregator::~Aggregator() = default;

Aggregator::AddResult Aggregator::Add(const Spec& spec, absl::string_view name, int64_t timestamp,
                                      double value) {
  Partition& partition = PartitionOf(name);
  base::MutexLock lock(partition.mutex);
  Output* output = FindOrOpen(partition, spec, name);
  const AddResult result =
      output == nullptr ? AddResult::kNoMemory : AddToOutput(partition, *output, timestamp, value);
  switch (result) {
    case AddResult::kAdded:
      ++partition.counts.added;
      break;
    case AddResult::kLate:
      ++partition.counts.late;
      break;
    case AddResult::kTooEarly:
      ++partition.counts.too_early;
      break;
    case AddResult::kNoMemory:
      ++partition.counts.no_memory;
      break;
  }
  // A refused point leaves no empty output behind.
  if (output != nullptr && output->buckets.empty()) Close(partition, *output);
  return result;
}

Aggregator::Output* Aggregator::FindOrOpen(Partition& partition, const Spec& spec,
                                           absl::string_view name) {
  std::string key = KeyOf(*spec, name);
  const auto known = partition.outputs.find(key);
  if (known != partition.outputs.end()) return known->second.get();
  if (!Reserve(kOutputBytes + key.size() + name.size())) return nullptr;
  auto output = std::make_unique<Output>();
  output->spec = spec;
  output->name = std::string(name);
  output->splay_seconds = static_cast<uint32_t>(base::Hash64(name) % spec->interval_seconds);
  if (spec->bucket_rule == BucketRule::kCarbonCRelay) {
    output->first_open_start =
        BucketStart(clock_.UnixSeconds() - spec->expire_seconds, spec->interval_seconds);
  }
  output->due_at = NextDue(*output);
  Output* const opened = output.get();
  partition.due.emplace(opened->due_at, opened);
  partition.outputs.emplace(std::move(key), std::move(output));
  return opened;
}

Aggregator::AddResult Aggregator::AddToOutput(Partition&, Output& output, int64_t timestamp,
                                              double value) {
  const int64_t start = BucketStart(timestamp, output.spec->interval_seconds);
  const AddResult in_time = CheckTime(output, start);
  if (in_time != AddResult::kAdded) return in_time;
  const bool is_new = output.buckets.find(start) == output.buckets.end();
  const bool needs_value = NeedsValues(*output.spec);
  if (!Reserve((is_new ? kBucketBytes : 0) + (needs_value ? sizeof(double) : 0))) {
    return AddResult::kNoMemory;
  }
  Bucket& bucket = output.buckets[start];
  bucket.min = bucket.count == 0 ? value : std::min(bucket.min, value);
  bucket.max = bucket.count == 0 ? value : std::max(bucket.max, value);
  bucket.sum += value;
  bucket.last = value;
  ++bucket.count;
  bucket.has_news = true;
  if (needs_value) bucket.values.push_back(value);
  return AddResult::kAdded;
}

Aggregator::AddResult Aggregator::CheckTime(const Output& output, int64_t start) const {
  const AggregateSpec& spec = *output.spec;
  const int64_t interval = spec.interval_seconds;
  if (spec.bucket_rule == BucketRule::kCarbon) {
    const int64_t oldest =
        BucketStart(clock_.UnixSeconds(), interval) - interval * options_.max_aggregation_intervals;
    return start < oldest ? AddResult::kLate : AddResult::kAdded;
  }
  if (start < output.first_open_start) return AddResult::kLate;
  // bucketcnt of carbon-c-relay's aggregator.c.
  const int64_t bucket_count = (spec.expire_seconds + interval - 1) / interval + 2;
  const bool is_too_early = start >= output.first_open_start + bucket_count * interval;
  return is_too_early ? AddResult::kTooEarly : AddResult::kAdded;
}

std::vector<Aggregator::Emission> Aggregator::TakeDue() {
  std::vector<Taken> taken;
  const absl::Duration now = clock_.Monotonic();
  for (Partition& partition : partitions_) {
    base::MutexLock lock(partition.mutex);
    while (!partition.due.empty() && partition.due.begin()->first <= now) {
      TakeOutput(partition, *partition.due.begin()->second, &taken);
    }
  }
  return Compute(std::move(taken));
}

void Aggregator::TakeOutput(Partition& partition, Output& output, std::vector<Taken>* taken) {
  output.spec->bucket_rule == BucketRule::kCarbon ? TakeDueOfCarbon(output, taken)
                                                  : TakeDueOfCarbonCRelay(output, taken);
  if (output.buckets.empty()) return Close(partition, output);
  partition.due.erase({output.due_at, &output});
  output.due_at = NextDue(output);
  partition.due.emplace(output.due_at, &output);
}

// MetricBuffer.compute_value of carbon/aggregator/buffers.py.
void Aggregator::TakeDueOfCarbon(Output& output, std::vector<Taken>* taken) {
  TakeNews(output, taken);
  const int64_t interval = output.spec->interval_seconds;
  const int64_t oldest =
      BucketStart(clock_.UnixSeconds(), interval) - interval * options_.max_aggregation_intervals;
  while (!output.buckets.empty() && output.buckets.begin()->first < oldest) {
    EraseBucket(output, output.buckets.begin());
  }
}

// aggregator_expire of carbon-c-relay's aggregator.c.
void Aggregator::TakeDueOfCarbonCRelay(Output& output, std::vector<Taken>* taken) {
  const int64_t age = output.spec->expire_seconds + output.splay_seconds;
  const int64_t now = clock_.UnixSeconds();
  const int64_t interval = output.spec->interval_seconds;
  // The first start with start + age >= now.
  const int64_t first_open = BucketStart(now - age + interval - 1, interval);
  output.first_open_start = std::max(output.first_open_start, first_open);
  while (!output.buckets.empty() && output.buckets.begin()->first < output.first_open_start) {
    const auto oldest = output.buckets.begin();
    taken->push_back({.spec = output.spec,
                      .name = output.name,
                      .start = oldest->first,
                      .bucket = oldest->second});
    EraseBucket(output, oldest);
  }
}

// Due at the next write-back, or when the oldest bucket expires.
absl::Duration Aggregator::NextDue(const Output& output) const {
  const AggregateSpec& spec = *output.spec;
  const absl::Duration now = clock_.Monotonic();
  if (spec.bucket_rule == BucketRule::kCarbonCRelay) {
    const int64_t start = output.buckets.empty()
                              ? output.first_open_start
                              : std::max(output.buckets.begin()->first, output.first_open_start);
    const int64_t expires = start + spec.expire_seconds + output.splay_seconds + 1;
    return now + absl::Seconds(std::max<int64_t>(expires - clock_.UnixSeconds(), 1));
  }
  uint32_t seconds = spec.interval_seconds;
  if (options_.write_back_seconds > 0) seconds = std::min(seconds, options_.write_back_seconds);
  const absl::Duration period = absl::Seconds(seconds);
  // In step with its first time, as Twisted's LoopingCall: what was missed is left out.
  if (output.due_at == absl::ZeroDuration()) return now + period;
  absl::Duration past_due;
  absl::IDivDuration(now - output.due_at, period, &past_due);
  return now - past_due + period;
}

std::vector<Aggregator::Emission> Aggregator::TakeAll() {
  std::vector<Taken> taken;
  for (Partition& partition : partitions_) {
    base::MutexLock lock(partition.mutex);
    for (const auto& [key, output] : partition.outputs) TakeNews(*output, &taken);
  }
  return Compute(std::move(taken));
}

void Aggregator::TakeNews(Output& output, std::vector<Taken>* taken) {
  for (auto& [start, bucket] : output.buckets) {
    if (!bucket.has_news) continue;
    bucket.has_news = false;
    taken->push_back({.spec = output.spec, .name = output.name, .start = start, .bucket = bucket});
  }
}

std::vector<Aggregator::Emission> Aggregator::Keep(absl::Span<const Spec> specs) {
  std::map<absl::string_view, Spec> by_identity;
  for (const Spec& spec : specs) by_identity.emplace(spec->identity, spec);
  std::vector<Taken> taken;
  for (Partition& partition : partitions_) {
    base::MutexLock lock(partition.mutex);
    std::vector<Output*> gone;
    for (const auto& [key, output] : partition.outputs) {
      const auto kept = by_identity.find(output->spec->identity);
      if (kept != by_identity.end()) {
        output->spec = kept->second;
      } else {
        TakeNews(*output, &taken);
        gone.push_back(output.get());
      }
    }
    for (Output* output : gone) Close(partition, *output);
  }
  return Compute(std::move(taken));
}

void Aggregator::EraseBucket(Output& output, std::map<int64_t, Bucket>::iterator bucket) {
  Release(kBucketBytes + bucket->second.values.size() * sizeof(double));
  output.buckets.erase(bucket);
}

void Aggregator::Close(Partition& partition, Output& output) {
  while (!output.buckets.empty()) EraseBucket(output, output.buckets.begin());
  const std::string key = KeyOf(*output.spec, output.name);
  Release(kOutputBytes + key.size() + output.name.size());
  partition.due.erase({output.due_at, &output});
  partition.outputs.erase(key);
}

bool Aggregator::Reserve(size_t bytes) {
  if (memory_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <=
      options_.memory_bytes_max) {
    return true;
  }
  Release(bytes);
  return false;
}

void Aggregator::Release(size_t bytes) {
  memory_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

std::vector<Aggregator::Emission> Aggregator::Compute(std::vector<Taken> taken) {
  std::vector<Emission> emissions;
  emissions.reserve(taken.size());
  for (Taken& one : taken) {
    const AggregateSpec& spec = *one.spec;
    emissions.push_back({.spec = one.spec,
                         .name = std::move(one.name),
                         .timestamp = TimestampOf(spec, one.start),
                         .value = ValueOf(spec, std::move(one.bucket))});
  }
  emitted_.fetch_add(emissions.size(), std::memory_order_relaxed);
  return emissions;
}

size_t Aggregator::output_count() const {
  size_t count = 0;
  for (const Partition& partition : partitions_) {
    base::MutexLock lock(partition.mutex);
    count += partition.outputs.size();
  }
  return count;
}

Aggregator::Counts Aggregator::counts() const {
  Counts sum{.emitted = emitted_.load(std::memory_order_relaxed)};
  for (const Partition& partition : partitions_) {
    base::MutexLock lock(partition.mutex);
    sum.added += partition.counts.added;
    sum.late += partition.counts.late;
    sum.too_early += partition.counts.too_early;
    sum.no_memory += partition.counts.no_memory;
  }
  return sum;
}

Aggregator::Partition& Aggregator::PartitionOf(absl::string_view key) {
  return partitions_[base::Hash64(key) % kPartitions];
}

}  // namespace plumbago::routing
