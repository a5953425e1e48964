#include "topology/internal/slot_matching.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace plumbago::topology::internal {
namespace {

constexpr uint16_t kNone = UINT16_MAX;

class Completion {
 public:
  Completion(const std::vector<size_t>& demand, const std::vector<Bin>& bins, Placement& placement)
      : demand_(demand), bins_(bins), placement_(placement) {
    for (const Bin& bin : bins_) room_.push_back(bin.quota);
    for (size_t slot = 0; slot < placement_.size(); ++slot) {
      for (const uint16_t bin : placement_[slot]) --room_[bin];
      if (Missing(slot) > 0) ++incomplete_slots_;
      kept_.push_back(placement_[slot].size());
    }
  }

  void Run() {
    for (size_t slot = 0; slot < placement_.size(); ++slot) {
      if (Missing(slot) == 0) continue;
      while (Missing(slot) > 0) PlaceOne(slot);
      --incomplete_slots_;
    }
  }

 private:
  size_t Missing(size_t slot) const { return demand_[slot] - placement_[slot].size(); }

  bool Accepts(size_t slot, uint16_t bin) const {
    const auto& held = placement_[slot];
    const auto count = std::count(held.begin(), held.end(), bin);
    return static_cast<size_t>(count) < bins_[bin].per_slot;
  }

  void PlaceOne(size_t slot) {
    uint16_t bin = ChooseWithRoom(slot);
    if (bin == kNone) bin = MakeRoom(slot, Movable::kNew);
    if (bin == kNone) bin = MakeRoom(slot, Movable::kAll);
    PLUMBAGO_CHECK(bin != kNone);
    placement_[slot].push_back(bin);
    --room_[bin];
    last_bin_ = bin;
  }

  // A bin that could no longer be filled if it were passed over comes first; then the one of the
  // slot before, so that slots form long ranges; then the emptiest.
  uint16_t ChooseWithRoom(size_t slot) const {
    uint16_t best = kNone;
    for (uint16_t bin = 0; bin < bins_.size(); ++bin) {
      if (room_[bin] == 0 || !Accepts(slot, bin)) continue;
      if (room_[bin] >= incomplete_slots_ * bins_[bin].per_slot) return bin;
      const bool is_better =
          best == kNone || bin == last_bin_ || (best != last_bin_ && room_[bin] > room_[best]);
      if (is_better) best = bin;
    }
    return best;
  }

  enum class Movable {
    kNew,  // what this completion placed
    kAll,
  };

  struct Step {
    bool is_reached = false;
    uint16_t from = kNone;  // the bin that gives a replica to this one
    size_t slot = 0;        // of that replica
  };

  // An augmenting path, breadth first: a chain of replicas that each move to the next bin, from a
  // bin that `slot` can use to one with room. Returns the first bin, which then has room.
  uint16_t MakeRoom(size_t slot, Movable movable) {
    std::vector<Step> steps(bins_.size());
    std::vector<uint16_t> queue;
    for (uint16_t bin = 0; bin < bins_.size(); ++bin) {
      if (!Accepts(slot, bin)) continue;
      steps[bin].is_reached = true;
      queue.push_back(bin);
    }
    for (size_t next = 0; next < queue.size(); ++next) {
      if (room_[queue[next]] > 0) return MoveAlong(steps, queue[next]);
      Expand(queue[next], movable, steps, queue);
    }
    return kNone;
  }

  void Expand(uint16_t from, Movable movable, std::vector<Step>& steps,
              std::vector<uint16_t>& queue) const {
    for (size_t slot = 0; slot < placement_.size(); ++slot) {
      const auto& held = placement_[slot];
      const size_t first = movable == Movable::kNew ? kept_[slot] : 0;
      const auto begin = held.begin() + static_cast<std::ptrdiff_t>(first);
      if (std::find(begin, held.end(), from) == held.end()) continue;
      for (uint16_t to = 0; to < bins_.size(); ++to) {
        if (steps[to].is_reached || !Accepts(slot, to)) continue;
        steps[to] = {true, from, slot};
        queue.push_back(to);
      }
    }
  }

  uint16_t MoveAlong(const std::vector<Step>& steps, uint16_t last) {
    uint16_t to = last;
    while (steps[to].from != kNone) {
      const uint16_t from = steps[to].from;
      auto& held = placement_[steps[to].slot];
      *std::find(held.rbegin(), held.rend(), from) = to;  // new ones are at the end
      --room_[to];
      ++room_[from];
      to = from;
    }
    return to;
  }

  const std::vector<size_t>& demand_;
  const std::vector<Bin>& bins_;
  Placement& placement_;
  std::vector<size_t> kept_;  // per slot: the first so many were placed before
  std::vector<size_t> room_;  // per bin: quota - held
  size_t incomplete_slots_ = 0;
  uint16_t last_bin_ = kNone;
};

}  // namespace

void CompletePlacement(const std::vector<size_t>& demand, const std::vector<Bin>& bins,
                       Placement& placement) {
  Completion(demand, bins, placement).Run();
}

}  // namespace plumbago::topology::internal
