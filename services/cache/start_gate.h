// Keeps calls out of a cache that replays its journal: they are answered at once with how far it
// is, so that relays and queries go elsewhere or come again instead of waiting. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "service/health.h"

namespace plumbago::cache {

class StartGate {
 public:
  // `health` says how far the start is, and outlives the gate.
  explicit StartGate(const service::Health& health) : health_(health) {}

  // For good: a cache that drains still answers reads.
  void Open() { is_open_.store(true, std::memory_order_release); }

  // Unavailable until Open.
  grpc::Status Check() const {
    if (is_open_.load(std::memory_order_acquire)) return grpc::Status::OK;
    return grpc::Status(
        grpc::StatusCode::UNAVAILABLE,
        absl::StrCat("the cache is not ready: ", std::string(health_.readiness().message()),
                     "; come again in a second"));
  }

 private:
  const service::Health& health_;
  std::atomic<bool> is_open_{false};  // what was made before Open is seen by who sees it open
};

}  // namespace plumbago::cache
