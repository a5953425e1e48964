#include "relay/tenant_limiter.h"

#include <algorithm>

#include "base/hash.h"

namespace plumbago::relay {
namespace {

// What new series leave to known ones.
constexpr double kReservedPart = 0.2;

}  // namespace

void TenantLimiter::Bucket::SetRate(uint64_t per_second) {
  const bool is_first = rate == 0;
  rate = static_cast<double>(per_second);
  tokens = is_first ? capacity() : std::min(tokens, capacity());
}

void TenantLimiter::Bucket::Fill(absl::Duration now) {
  if (now > filled_at) {
    tokens = std::min(capacity(), tokens + rate * absl::ToDoubleSeconds(now - filled_at));
  }
  filled_at = now;
}

void TenantLimiter::SetRates(const TenantRates& rates) {
  base::MutexLock lock(mutex_);
  if (rates == rates_) return;
  rates_ = rates;
  points_.SetRate(rates.points_per_second);
  new_series_.SetRate(rates.new_series_per_second);
}

int64_t TenantLimiter::TakePoints(absl::Duration now) {
  base::MutexLock lock(mutex_);
  if (points_.rate == 0) return kPortionMax;
  points_.Fill(now);
  const int64_t portion =
      std::clamp(static_cast<int64_t>(points_.capacity() / 32), int64_t{1}, kPortionMax);
  const int64_t taken = std::min(static_cast<int64_t>(points_.tokens), portion);
  points_.tokens -= static_cast<double>(taken);
  return taken;
}

TenantLimiter::Verdict TenantLimiter::TakeSeries(absl::string_view canonical, absl::Duration now) {
  base::MutexLock lock(mutex_);
  if (IsKnown(canonical, now)) return Verdict::kTake;
  if (points_.rate > 0) {
    points_.Fill(now);
    if (points_.tokens < points_.capacity() * kReservedPart) return Verdict::kOverPoints;
  }
  if (new_series_.rate > 0) {
    new_series_.Fill(now);
    if (new_series_.tokens < 1) return Verdict::kOverNewSeries;
    new_series_.tokens -= 1;
  }
  seen_.insert(base::Hash64(canonical));
  return Verdict::kTake;
}

bool TenantLimiter::IsKnown(absl::string_view canonical, absl::Duration now) {
  const uint64_t hash = base::Hash64(canonical);
  if (seen_.contains(hash)) return true;
  if (seen_.empty() || seen_.size() >= kSeenMax) {
    seen_.clear();
    grace_until_ = now + rates_.new_series_grace;
  }
  if (now >= grace_until_) return false;
  seen_.insert(hash);
  return true;
}

std::shared_ptr<TenantLimiter> TenantLimiters::Get(const std::string& tenant,
                                                   const TenantRates& rates) {
  if (!rates.has_limit()) return nullptr;
  std::shared_ptr<TenantLimiter> limiter;
  {
    base::MutexLock lock(mutex_);
    std::shared_ptr<TenantLimiter>& entry = limiters_[tenant];
    if (entry == nullptr) entry = std::make_shared<TenantLimiter>();
    limiter = entry;
  }
  limiter->SetRates(rates);
  return limiter;
}

}  // namespace plumbago::relay
