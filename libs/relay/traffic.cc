#include "relay/traffic.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace plumbago::relay {
namespace {

constexpr uint32_t kDepthDefault = 2;
constexpr uint32_t kLimitDefault = 20;

struct Row {
  double points = 0;
  SampleError error;
  double bytes = 0;
  double new_series = 0;
  absl::flat_hash_map<DropReason, double> refused;
};

// Groups the samples of one question. The groups are no more than the samples.
class Grouping {
 public:
  explicit Grouping(const v1::TopRequest& request)
      : request_(request), depth_(request.depth() == 0 ? kDepthDefault : request.depth()) {}

  Row* Find(const Sample& sample, const std::vector<std::string>& tenants) {
    const std::string& tenant = tenants[sample.tenant];
    if (!request_.tenant().empty() && request_.tenant() != tenant) return nullptr;
    return &rows_[{tenant, KeyOf(sample)}];
  }

  void Write(double seconds, v1::TopResponse* response) const;

 private:
  using Key = std::pair<std::string, std::string>;  // tenant, key

  std::string KeyOf(const Sample& sample) const {
    switch (request_.by()) {
      case v1::TopRequest::PREFIX:
        return std::string(PrefixOf(sample.name(), depth_));
      case v1::TopRequest::SOURCE:
        return SenderText(sample.sender, sample.protocol);
      default:
        return std::string();
    }
  }

  const v1::TopRequest& request_;
  const uint32_t depth_;
  absl::flat_hash_map<Key, Row> rows_;
};

void WriteRow(const Row& row, double seconds, v1::TopResponse::Row* out) {
  out->set_points_per_second(row.points / seconds);
  out->set_points_per_second_error(row.error.Bound() / seconds);
  out->set_bytes_per_second(row.bytes / seconds);
  out->set_new_series_per_second(row.new_series / seconds);
  std::vector<std::pair<DropReason, double>> refused(row.refused.begin(), row.refused.end());
  std::sort(refused.begin(), refused.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [reason, count] : refused) {
    v1::TopResponse::Refused* const one = out->add_refused();
    one->set_reason(DropReasonWord(reason));
    one->set_points_per_second(count / seconds);
  }
}

void Grouping::Write(double seconds, v1::TopResponse* response) const {
  std::vector<const std::pair<const Key, Row>*> order;
  for (const auto& entry : rows_) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    if (a->second.points != b->second.points) return a->second.points > b->second.points;
    return a->first < b->first;
  });
  const size_t limit = request_.limit() == 0 ? kLimitDefault : request_.limit();
  order.resize(std::min(order.size(), limit));
  for (const auto* entry : order) {
    v1::TopResponse::Row* const out = response->add_rows();
    out->set_tenant(entry->first.first);
    out->set_key(entry->first.second);
    WriteRow(entry->second, seconds, out);
  }
}

absl::Status CheckRequest(const v1::TopRequest& request) {
  if (request.depth() > Traffic::kDepthMax) {
    return absl::InvalidArgumentError(absl::StrCat("depth ", request.depth(), " is over ",
                                                   Traffic::kDepthMax, ": ask for fewer nodes"));
  }
  if (request.limit() > Traffic::kLimitMax) {
    return absl::InvalidArgumentError(absl::StrCat("limit ", request.limit(), " is over ",
                                                   Traffic::kLimitMax, ": ask for fewer rows"));
  }
  return absl::OkStatus();
}

void AddSamples(TrafficSampler& sampler, uint32_t first, uint32_t last, Grouping& grouping,
                uint64_t* passed) {
  std::vector<Sample> points;
  std::vector<Sample> new_series;
  std::vector<Sample> refusals;
  *passed += sampler.points().Copy(first, last, &points);
  sampler.new_series().Copy(first, last, &new_series);
  sampler.refusals().Copy(first, last, &refusals);
  const std::vector<std::string> tenants = sampler.tenants();  // after the samples: has theirs
  for (const Sample& sample : points) {
    Row* const row = grouping.Find(sample, tenants);
    if (row == nullptr) continue;
    row->points += sample.weight;
    row->bytes += static_cast<double>(sample.weight) * sample.bytes;
    row->error.Add(sample);
  }
  for (const Sample& sample : new_series) {
    if (Row* const row = grouping.Find(sample, tenants)) row->new_series += sample.weight;
  }
  for (const Sample& sample : refusals) {
    if (Row* const row = grouping.Find(sample, tenants)) {
      row->refused[sample.reason] += sample.weight;
    }
  }
}

}  // namespace

absl::string_view PrefixOf(absl::string_view name, uint32_t depth) {
  name = name.substr(0, name.find(';'));
  size_t end = 0;
  for (; depth > 0; --depth) {
    end = name.find('.', end);
    if (end == absl::string_view::npos) return name;
    ++end;
  }
  return name.substr(0, end - 1);
}

std::string SenderText(const Sender& sender, Protocol protocol) {
  if (!sender.is_known) return absl::StrCat("(", ProtocolWord(protocol), ")");
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  char text[INET6_ADDRSTRLEN] = {};
  if (std::memcmp(sender.address.data(), kMapped, sizeof(kMapped)) == 0) {
    inet_ntop(AF_INET, sender.address.data() + sizeof(kMapped), text, sizeof(text));
  } else {
    inet_ntop(AF_INET6, sender.address.data(), text, sizeof(text));
  }
  return text;
}

TrafficSampler::TrafficSampler(size_t samples_max, uint64_t seed)
    : points_(samples_max, seed),
      new_series_(samples_max / 4, seed + 1),
      refusals_(samples_max / 4, seed + 2) {}

void TrafficSampler::NameTenant(TenantIndex tenant, const std::string& id) {
  if (tenant < named_count_) return;
  base::MutexLock lock(mutex_);
  tenants_.resize(tenant + 1);
  tenants_[tenant] = id;
  named_count_ = tenants_.size();
}

void TrafficSampler::Tick(absl::Duration monotonic_now) {
  const auto second = static_cast<uint32_t>(absl::ToInt64Seconds(monotonic_now));
  points_.Tick(second);
  new_series_.Tick(second);
  refusals_.Tick(second);
}

std::vector<std::string> TrafficSampler::tenants() {
  base::MutexLock lock(mutex_);
  return tenants_;
}

std::shared_ptr<TrafficSampler> Traffic::AddSampler(uint64_t seed) {
  auto sampler = std::make_shared<TrafficSampler>(samples_max_, seed);
  base::MutexLock lock(mutex_);
  samplers_.push_back(sampler);
  return sampler;
}

absl::StatusOr<v1::TopResponse> Traffic::Top(const v1::TopRequest& request,
                                             absl::Duration monotonic_now) {
  if (absl::Status status = CheckRequest(request); !status.ok()) return status;
  std::vector<std::shared_ptr<TrafficSampler>> samplers;
  {
    base::MutexLock lock(mutex_);
    samplers = samplers_;
  }
  // Full seconds, of which the last has been published by every router.
  const auto now = static_cast<uint32_t>(absl::ToInt64Seconds(monotonic_now));
  const uint32_t last = now - std::min(now, 2u);
  uint32_t first = last + 1 - std::min(last, kTrafficWindowSeconds);
  for (const auto& sampler : samplers) {
    for (SampleStream* const stream :
         {&sampler->points(), &sampler->new_series(), &sampler->refusals()}) {
      first = std::max(first, stream->covered_since());
    }
  }
  v1::TopResponse response;
  if (first > last) return response;
  const double seconds = last + 1 - first;
  Grouping grouping(request);
  uint64_t passed = 0;
  for (const auto& sampler : samplers) AddSamples(*sampler, first, last, grouping, &passed);
  response.set_seconds(seconds);
  response.set_points_per_second(static_cast<double>(passed) / seconds);
  grouping.Write(seconds, &response);
  return response;
}

}  // namespace plumbago::relay
