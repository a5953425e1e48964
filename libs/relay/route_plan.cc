#include "relay/route_plan.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace plumbago::relay {
namespace {

// What an output takes beside its two keys, about.
constexpr size_t kOutputBytes = 160;

}  // namespace

uint32_t RoutePlans::Add(const std::vector<PlanTarget>& targets, const std::vector<PlanFeed>& feeds,
                         routing::DataChecks checks) {
  PLUMBAGO_CHECK(targets.size() <= UINT16_MAX && feeds.size() <= UINT16_MAX);
  plans_.push_back({.first_target = static_cast<uint32_t>(targets_.size()),
                    .first_feed = static_cast<uint32_t>(feeds_.size()),
                    .target_count = static_cast<uint16_t>(targets.size()),
                    .feed_count = static_cast<uint16_t>(feeds.size()),
                    .checks = checks});
  targets_.insert(targets_.end(), targets.begin(), targets.end());
  feeds_.insert(feeds_.end(), feeds.begin(), feeds.end());
  return static_cast<uint32_t>(plans_.size() - 1);
}

uint32_t RoutePlans::Refuse(DropReason reason) {
  const auto [plan, is_new] = refusals_.try_emplace(reason, uint32_t{0});
  if (is_new) {
    plan->second = static_cast<uint32_t>(plans_.size());
    plans_.push_back({.drop_reason = reason});
  }
  return plan->second;
}

uint32_t RoutePlans::OutputOf(uint32_t aggregate,
                              const std::shared_ptr<const routing::AggregateSpec>& spec,
                              std::string key) {
  const auto [output, is_new] = output_index_.try_emplace({aggregate, key}, uint32_t{0});
  if (is_new) {
    output->second = static_cast<uint32_t>(outputs_.size());
    output_bytes_ += kOutputBytes + 2 * key.size();
    outputs_.push_back({spec, std::move(key)});
  }
  return output->second;
}

void RoutePlans::Clear() { *this = RoutePlans(); }

size_t RoutePlans::memory_bytes() const {
  return plans_.capacity() * sizeof(RoutePlan) + targets_.capacity() * sizeof(PlanTarget) +
         feeds_.capacity() * sizeof(PlanFeed) + output_bytes_;
}

}  // namespace plumbago::relay
