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
  // What one stream to it has yet to hear, shared by the stream and its batches here.
  struct Way {
    uint64_t accepted_count = 0;
    std::vector<RefusedBatch> refused;
  };

  std::map<std::string, std::vector<Point>> points;  // accepted
  size_t batch_count = 0;                            // sent
  std::set<const NameTable*> generations;            // of what was sent
  std::vector<int64_t> arrivals;                     // of accepted batches
  bool accepts_at_once = true;
  bool is_failing = false;
  std::deque<std::unique_ptr<Batch>> held;
  std::deque<std::shared_ptr<Way>> way_of_held;  // each held batch came by
  size_t more_held_bytes = 0;                    // as if so much more were held
  std::vector<std::shared_ptr<Way>> ways;
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
      if (batch.delivery != nullptr) batch.delivery->OnBatchAccepted();
      PopHeld();
    }
  }
  // Refuses the oldest batch that is held.
  void Refuse(absl::Duration retry_after) {
    way_of_held.front()->refused.push_back({std::move(held.front()), retry_after});
    PopHeld();
  }
  size_t held_bytes() const {
    size_t bytes = more_held_bytes;
    for (const auto& way : ways) bytes += held_bytes(*way);
    return bytes;
  }
  size_t held_bytes(const Way& way) const {
    size_t bytes = 0;
    for (size_t i = 0; i < held.size(); ++i) {
      if (way_of_held[i].get() == &way) bytes += held[i]->memory_bytes();
    }
    for (const auto& one : way.refused) bytes += one.batch->memory_bytes();
    return bytes;
  }
  size_t held_point_count() const {
    size_t count = 0;
    for (const auto& batch : held) count += batch->point_count();
    for (const auto& way : ways) {
      for (const auto& one : way->refused) count += one.batch->point_count();
    }
    return count;
  }
  std::vector<std::unique_ptr<Batch>> TakeBack(Way& way) {
    std::vector<std::unique_ptr<Batch>> batches;
    for (auto& one : std::exchange(way.refused, {})) batches.push_back(std::move(one.batch));
    for (size_t i = 0; i < held.size();) {
      if (way_of_held[i].get() != &way) {
        ++i;
        continue;
      }
      batches.push_back(std::move(held[i]));
      held.erase(held.begin() + static_cast<ptrdiff_t>(i));
      way_of_held.erase(way_of_held.begin() + static_cast<ptrdiff_t>(i));
    }
    return batches;
  }

 private:
  void PopHeld() {
    ++way_of_held.front()->accepted_count;
    held.pop_front();
    way_of_held.pop_front();
  }
};

class FakeStream final : public BatchStream {
 public:
  explicit FakeStream(Destination& destination) : destination_(destination) {
    ++destination.stream_count;
    destination.ways.push_back(way_);
  }

  void Send(std::unique_ptr<Batch> batch) override {
    ++destination_.batch_count;
    destination_.generations.insert(batch->names.get());
    destination_.held.push_back(std::move(batch));
    destination_.way_of_held.push_back(way_);
    if (destination_.accepts_at_once) destination_.Accept();
  }
  size_t unacknowledged_bytes() const override {
    return destination_.more_held_bytes + destination_.held_bytes(*way_);
  }
  uint64_t acknowledged_count() const override { return way_->accepted_count; }
  bool is_failing() override { return destination_.is_failing; }
  std::vector<RefusedBatch> TakeRefused() override { return std::exchange(way_->refused, {}); }
  std::vector<std::unique_ptr<Batch>> TakeBack() override { return destination_.TakeBack(*way_); }

 private:
  Destination& destination_;
  const std::shared_ptr<Destination::Way> way_ = std::make_shared<Destination::Way>();
};

}  // namespace plumbago::relay::testing
