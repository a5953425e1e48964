// Whose query runs next: a bounded number of places, shared fairly between tenants.
//
// A place goes to the waiting tenant that has the fewest; among equals to the one that got its last
// place longest ago; within a tenant to the query that came first. A tenant never has more places
// than its own limit. So many queries of one tenant delay that tenant, not the others.
//
// Pure: no threads, no time. The owner serialises the calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace plumbago::query {

class FairQueue {
 public:
  explicit FairQueue(size_t running_max) : running_max_(running_max) {}

  // A query waits from now on. `id` is its own; `tenant_running_max` is at least 1, and the latest
  // one given holds for the tenant.
  void Add(uint64_t id, const std::string& tenant, size_t tenant_running_max);
  // Gives a place to the next query and returns its id; nothing where none may run.
  std::optional<uint64_t> Next();
  // A waiting query goes away. False where it is not waiting (any more).
  bool Remove(uint64_t id, const std::string& tenant);
  // A running query of the tenant gives its place back.
  void Finish(const std::string& tenant);

  size_t running_count() const { return running_count_; }
  size_t waiting_count() const { return waiting_count_; }
  size_t RunningOf(const std::string& tenant) const;

 private:
  struct Tenant {
    std::deque<uint64_t> waiting;
    size_t running_count = 0;
    size_t running_max = 1;
    uint64_t last_turn = 0;
  };

  void ForgetIfIdle(std::map<std::string, Tenant>::iterator entry);

  const size_t running_max_;
  size_t running_count_ = 0;
  size_t waiting_count_ = 0;
  uint64_t turn_ = 0;
  std::map<std::string, Tenant> tenants_;  // with queries
};

}  // namespace plumbago::query
