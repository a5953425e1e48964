// A destination of batches that tests are in charge of: it holds what it is sent until it is told
// to accept, and can fail. Tests only.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "relay/batch.h"

namespace plumbago::relay::testing {

struct Point {
  uint32_t time;
  double value;
  bool operator==(const Point& other) const { return time == other.time && value == other.value; }
};

// What a destination has received, by metric. Outlives its streams.
struct Destination {
  std::map<std::string, std::vector<Point>> points;  // accepted
  size_t batch_count = 0;                            // sent
  std::set<const NameTable*> generations;            // of what was sent
  std::vector<int64_t> arrivals;                     // of accepted batches
  bool accepts_at_once = true;
  bool is_failing = false;
  std::deque<std::unique_ptr<Batch>> held;
  size_t more_held_bytes = 0;  // as if so much more were held
  std::vector<RefusedBatch> refused;
  uint64_t accepted_count = 0;
  int stream_count = 0;

  // Accepts the oldest `count` batches that are held.
  void Accept(size_t count = SIZE_MAX) {
    for (; count > 0 && !held.empty(); --count) {
      const Batch& batch = *held.front();
      for (size_t i = 0; i < batch.point_count(); ++i) {
        const SeriesName name = batch.names->Get(batch.points.series_id()[i]);
        points[std::string(name.metric)].push_back(
            {batch.points.time_seconds()[i], batch.points.value()[i]});
      }
      arrivals.push_back(batch.received_unix_ms);
      held.pop_front();
      ++accepted_count;
    }
  }
  // Refuses the oldest batch that is held.
  void Refuse(absl::Duration retry_after) {
    refused.push_back({std::move(held.front()), retry_after});
    held.pop_front();
    ++accepted_count;
  }
  size_t held_bytes() const {
    size_t bytes = more_held_bytes;
    for (const auto& batch : held) bytes += batch->memory_bytes();
    for (const auto& one : refused) bytes += one.batch->memory_bytes();
    return bytes;
  }
};

class FakeStream final : public BatchStream {
 public:
  explicit FakeStream(Destination& destination)
      : destination_(destination), accepted_before_(destination.accepted_count) {
    ++destination.stream_count;
  }

  void Send(std::unique_ptr<Batch> batch) override {
    ++destination_.batch_count;
    destination_.generations.insert(batch->names.get());
    destination_.held.push_back(std::move(batch));
    if (destination_.accepts_at_once) destination_.Accept();
  }
  size_t unacknowledged_bytes() const override { return destination_.held_bytes(); }
  uint64_t acknowledged_count() const override {
    return destination_.accepted_count - accepted_before_;
  }
  bool is_failing() override { return destination_.is_failing; }
  std::vector<RefusedBatch> TakeRefused() override {
    return std::exchange(destination_.refused, {});
  }
  std::vector<std::unique_ptr<Batch>> TakeBack() override {
    std::vector<std::unique_ptr<Batch>> batches;
    for (auto& one : TakeRefused()) batches.push_back(std::move(one.batch));
    for (auto& batch : std::exchange(destination_.held, {})) batches.push_back(std::move(batch));
    return batches;
  }

 private:
  Destination& destination_;
  const uint64_t accepted_before_;
};

}  // namespace plumbago::relay::testing
