// A spool that keeps what it is given, for tests of lanes. Tests only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "relay/batch_spool.h"

namespace plumbago::relay::testing {

class FakeSpool final : public BatchSpool {
 public:
  bool is_down() const override { return !why_down.empty(); }
  void ReportDown(absl::string_view why) override { why_down = std::string(why); }
  void ReportUp() override { why_down.clear(); }
  void AddSlowLanes(int by) override { slow_lane_count += by; }
  bool HasRoom(size_t) const override { return has_room; }
  bool Append(std::unique_ptr<Batch>& batch, Bounds bounds) override {
    if (!has_room && bounds == Bounds::kKeep) return false;
    batches.push_back(std::move(batch));
    return true;
  }
  size_t point_count() const {
    size_t count = 0;
    for (const auto& batch : batches) count += batch->point_count();
    return count;
  }

  std::string why_down;
  int slow_lane_count = 0;
  bool has_room = true;
  std::vector<std::unique_ptr<Batch>> batches;
};

}  // namespace plumbago::relay::testing
